"""How the delay between fitting and generalizing grows with the scale α of the initialization, two seeds each.

Published: Kumar et al. 2024 (arXiv 2310.06110): the larger α, the lazier the start and the longer the delay.
Run:       whygrok config --config=sweeps/init_scale --sweep
Try:       --config.task.p=23
"""

from configs import quickstart
from framework.config import product


def get_config(arg=""):
    return quickstart.get_config(arg)


def get_sweep(config):
    return product({"model.init_scale": [1.0, 2.0, 4.0], "seed": range(2)})
