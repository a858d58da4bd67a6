"""Figure 3 of the paper: regression for several p: accuracy against n, and ‖θ‖_∞ after grokking.

Expected: the samples needed grow like p² to p^2.25, ‖θ‖_∞ is flat in p; 17 minutes on two cores.
Run:      whygrok reproduce fig3 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig3:scale=smoke --workdir=runs/fig3   whygrok config --config=paper/fig3:scale=laptop --sweep

As printed: gradient descent, η = 1, λ = 1e-4, n = 2·p^2.25. What groks: a penalty that is felt, on shares of the p³ triples
around those that suffice: on the largest entry (λ = 10), and on the squares (λ = 0.003), there by gradient descent too.
"""

from configs.paper.regression import get_config as printed
from framework.config import at_scale, override, product, select

LAPTOP_SHARES = ["22%", "26%", "30%", "35%", "41%", "48%", "56%", "66%"]
PAPER_SHARES = ["5%", "10%", "15%", "20%", "25%", "30%", "40%", "50%"]
SIZES = {
    "smoke": {"printed": [11], "moduli": [7, 11], "shares": ["50%", "75%"], "steps": 2_000},
    "laptop": {"printed": [13, 17, 23, 29], "moduli": [13, 17, 19, 23, 29], "shares": LAPTOP_SHARES, "steps": 50_000},
    "full": {"printed": [23, 47, 97], "moduli": [23, 47, 71, 97], "shares": PAPER_SHARES, "steps": 200_000},
}
ADAM = {"optimizer": select("adam", learning_rate=1e-2)}
SQUARES = {"penalty": select("l2", coefficient=0.003)}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return override(printed(arg), {"steps": size["steps"], "numerics.on_divergence": "continue"})


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    settings = [{**ADAM, "penalty": select("linf", coefficient=10.0)}, {**ADAM, **SQUARES}]
    slow = {"optimizer": select("gd", learning_rate=0.1), **SQUARES, "steps": 2 * size["steps"]}
    sizes = {"task.p": size["moduli"], "task.train_size": size["shares"]}
    weaker = {**ADAM, "penalty": select("linf", coefficient=1.0), "task.train_size": size["shares"][-1]}
    return [
        *product({"task.p": size["printed"]}),
        *product(sizes, [*settings, slow]),
        *product({"task.p": size["moduli"]}, [weaker]),
    ]
