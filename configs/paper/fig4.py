"""Figure 4 of the paper: classification for several p: accuracies, and ‖θ‖_∞ at the end.

Expected: groks for every p, ‖θ‖_∞ flat in p; 5 minutes on two cores.
Run:      whygrok reproduce fig4 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig4:scale=smoke --workdir=runs/fig4   whygrok config --config=paper/fig4:scale=laptop --sweep

Every p with η = 10 of appendix A, and with η = 1.
"""

from configs.paper.fig1 import get_config as classification
from framework.config import at_scale, override, product

SIZES = {
    "smoke": {"moduli": [11, 13], "steps": 10_000},
    "laptop": {"moduli": [23, 31, 41, 53, 67], "steps": 60_000},
    "full": {"moduli": [23, 47, 71, 97, 113], "steps": 100_000},
}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return override(classification(arg), {"steps": size["steps"]})


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    return product({"optimizer.learning_rate": [10.0, 1.0], "task.p": size["moduli"]})
