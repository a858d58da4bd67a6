"""Figure 2 of the paper: regression for several α: accuracies, and the eNTK long after interpolation.

Expected: smaller α closes the gap and slows training, the eNTK goes on changing after interpolation; 2 minutes on two cores.
Run:      whygrok reproduce fig2 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig2:scale=smoke --workdir=runs/fig2   whygrok config --config=paper/fig2:scale=laptop --sweep

As printed: gradient descent, η = 1, λ = 1e-4, n = 2·p^2.25. What groks: on a larger share of the
triples AdamW, whose decay forgets the initialization, and gradient descent with λ‖θ‖₂².
"""

from configs.paper.regression import get_config as printed
from framework.config import at_scale, override, product, select

SIZES = {
    "smoke": {"p": 11, "steps": 5_000, "scales": [0.5, 1.0]},
    "laptop": {"p": 47, "steps": 10_000, "scales": [0.25, 1.0, 4.0]},
    "full": {"p": 47, "steps": 200_000, "scales": [0.25, 0.5, 1.0, 2.0]},
}
GROKS = {  # scale → (p, steps, share for AdamW, share for gradient descent)
    "smoke": (11, 5_000, "70%", "80%"),
    "laptop": (23, 30_000, "38%", "48%"),
    "full": (47, 400_000, "38%", "38%"),
}
ADAMW = {"optimizer": select("adamw", learning_rate=1e-2, weight_decay=0.3), "penalty": select("none")}
SQUARES = {"optimizer": select("gd", learning_rate=0.1), "penalty": select("l2", coefficient=0.003)}
LARGE = {"model.init_scale": [1.0, 2.0, 4.0]}  # from below 1 this descent does not leave the origin in 30,000 steps


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    ntk = select("ntk_drift", outputs="sum", points="population", schedule="log 10")
    changes = {"task.p": size["p"], "steps": size["steps"], "probes.ntk_drift": ntk, "numerics.on_divergence": "continue"}
    return override(printed(arg), changes)


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    (p, steps, *shares), _ = at_scale(arg, GROKS)
    adamw, squares = ({"task.p": p, "task.train_size": share, "steps": steps} for share in shares)
    scales = {"model.init_scale": size["scales"]}
    return [*product(scales), *product(scales, [ADAMW | adamw]), *product(LARGE, [SQUARES | squares])]
