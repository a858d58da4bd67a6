"""Figure 4 of the paper: classification for several p: accuracies, and ‖θ‖_∞ at the end.

Expected: with η = 1 it groks from p = 23 on, ‖θ‖_∞ falls slowly with p (printed: with η = 10, flat); 8 minutes on two cores.
Run:      whygrok reproduce fig4 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig4:scale=smoke --workdir=runs/fig4   whygrok config --config=paper/fig4:scale=laptop --sweep

The p with η = 10 of appendix A, and with η = 1, where the largest has fewer seeds. "Up to 100,000 steps" is the paper's.
"""

from configs.paper.fig1 import get_config as classification
from framework.config import at_scale, override, product

SIZES = {  # printed: p → seeds at η = 10; slow: at η = 1
    "smoke": {"printed": {11: 2, 13: 2}, "slow": {11: 2, 13: 2}, "steps": 5_000},
    "laptop": {"printed": dict.fromkeys([13, 23], 5), "slow": dict.fromkeys([13, 17, 23, 31], 5), "steps": 100_000},
    "full": {"printed": dict.fromkeys([23, 47, 71, 97, 113], 5), "slow": dict.fromkeys([23, 47, 71, 97, 113], 5), "steps": 100_000},
}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return override(classification(arg), {"steps": size["steps"]})


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    rates = {10.0: size["printed"], 1.0: size["slow"]}
    return [
        member
        for rate, seeds in rates.items()
        for p, count in seeds.items()
        for member in product({"optimizer.learning_rate": [rate], "task.p": [p], "seed": range(count)})
    ]
