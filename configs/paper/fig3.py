"""Figure 3 of the paper: regression for several p: accuracy against n, and ‖θ‖_∞ after grokking.

Expected: the samples needed grow like p² to p^2.25, ‖θ‖_∞ is flat in p; 9 minutes on two cores.
Run:      whygrok reproduce fig3 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig3:scale=smoke --workdir=runs/fig3   whygrok config --config=paper/fig3:scale=laptop --sweep

As printed: gradient descent, η = 1, λ = 1e-4, n = 2·p^2.25. What groks: Adam with λ = 10, and AdamW.
Laptop, by estimate: 0.1, 0.1, 0.3 and 1 ms a step at p = 11, 13, 17 and 23 (on a busy machine), 43 members.
"""

from configs.paper.regression import get_config as printed
from framework.config import at_scale, override, product, select

SIZES = {
    "smoke": {"printed": [11], "moduli": [7, 11], "shares": ["50%", "75%"], "steps": 4_000},
    "laptop": {"printed": [11, 17, 23], "moduli": [11, 13, 17, 23], "shares": ["25%", "35%", "45%", "55%", "70%"], "steps": 30_000},
    "paper": {"printed": [23, 47, 97], "moduli": [23, 47, 71, 97], "shares": ["5%", "10%", "20%", "30%", "40%", "50%"], "steps": 200_000},
}
ADAM = {"optimizer": select("adam", learning_rate=1e-2), "penalty": select("linf", coefficient=10.0)}
ADAMW = {"optimizer": select("adamw", learning_rate=1e-2, weight_decay=0.3), "penalty": select("none")}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return override(printed(arg), {"steps": size["steps"], "numerics.on_divergence": "continue"})


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    sizes = {"task.p": size["moduli"], "task.train_size": size["shares"]}
    return [*product({"task.p": size["printed"]}), *product(sizes, [ADAM, ADAMW])]
