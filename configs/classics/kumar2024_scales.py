"""Kumar et al. 2024 (arXiv 2310.06110), their sweep over α on their polynomial: the lazier the network, the longer the delay.

Expected: training loss below 0.1 near step 1,500, test loss below 0.4 near step 1,500; 20 s on two cores.
Run:      whygrok sweep --config=classics/kumar2024_scales --workdir=runs/lazy --jobs=2
Try:      whygrok plot runs/lazy --x=model.output_scale --value=step --band=seeds   --config.model.inner.epsilon=1

As classics/kumar2024_polynomial with ε = 0.25 and half its rate. A run ends when the test loss, .65 at first, is at .35.
Their target in this sweep is twice this one, so that their α is twice ours; theirs is not centred.
"""

from configs.classics import kumar2024_polynomial
from framework.config import override, product, together

SCALES = [0.25, 1.0, 4.0]


def get_config(arg=""):
    changes = {"model.inner.epsilon": 0.25, "optimizer.learning_rate": 250.0, "task.population_seed": 0, "events.metrics": "log 40"}
    return override(kumar2024_polynomial.get_config(arg), changes | {"stop_when": "test/loss < 0.35"})


def get_sweep(config):
    lazy = together({"model.output_scale": SCALES, "optimizer.learning_rate": [250 / scale**2 for scale in SCALES]})
    return product(lazy, {"seed": range(5)})
