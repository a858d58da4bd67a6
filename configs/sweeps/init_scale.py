"""How the delay between fitting and generalizing grows with the scale α of the initialization, two seeds each.

Published: Kumar et al. 2024 (arXiv 2310.06110): the larger α, the lazier the start and the longer the delay.
Measured:  all fit near step 316; test accuracy 0.99 from step 1,585 at α = 1, 1,778 at 2, 1,995 and 2,239 at 4. 4 minutes on two cores.
Run:       whygrok sweep --config=sweeps/init_scale --workdir=runs/scales --jobs=2
Try:       --config.task.p=23   whygrok config --config=sweeps/init_scale --sweep
"""

from configs import quickstart
from framework.config import product


def get_config(arg=""):
    return quickstart.get_config(arg)


def get_sweep(config):
    return product({"model.init_scale": [1.0, 2.0, 4.0], "seed": range(2)})
