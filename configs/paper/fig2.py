"""Figure 2 of the paper: regression for several α: accuracies, and the eNTK long after interpolation.

Expected: smaller α closes the gap and slows training, the eNTK goes on changing after interpolation; 7 minutes on two cores.
Run:      whygrok reproduce fig2 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig2:scale=smoke --workdir=runs/fig2   whygrok config --config=paper/fig2:scale=laptop --sweep

As printed: gradient descent, η = 1, λ = 1e-4, n = 2·p^2.25. What groks: on a larger share of the
triples AdamW, whose decay forgets the initialization, and gradient descent with λ‖θ‖₂². The eNTK is that of the summed
outputs at all p² pairs; where α = 1 also that of g at 20,000 random triples, as printed (at p = 23: at all 12,167).
"""

from configs.paper.regression import get_config as printed
from framework.config import at_scale, override, product, select

SIZES = {
    "smoke": {"p": 11, "steps": 2_000, "scales": [0.5, 1.0], "seeds": 2, "points": "500"},
    "laptop": {"p": 31, "steps": 10_000, "scales": [0.25, 1.0, 4.0], "seeds": 5, "points": "20000"},
    "full": {"p": 47, "steps": 200_000, "scales": [0.25, 0.5, 1.0, 2.0], "seeds": 5, "points": "20000"},
}
GROKS = {  # scale → (p, steps, share for AdamW, share for gradient descent)
    "smoke": (11, 5_000, "70%", "80%"),
    "laptop": (23, 30_000, "38%", "48%"),
    "full": (47, 400_000, "38%", "38%"),
}
ADAMW = {"optimizer": select("adamw", learning_rate=1e-2, weight_decay=0.3), "penalty": select("none")}
SQUARES = {"optimizer": select("gd", learning_rate=0.1), "penalty": select("l2", coefficient=0.003)}
LARGE = {
    "smoke": [1.0, 2.0],
    "laptop": [1.0, 2.0, 4.0],
    "full": [1.0, 2.0, 4.0],
}  # from below 1 this descent does not leave the origin in 30,000 steps


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    ntk = select("ntk_drift", outputs="sum", points="population", schedule="log 10")
    changes = {"task.p": size["p"], "steps": size["steps"], "probes.ntk_drift": ntk, "numerics.on_divergence": "continue"}
    return override(printed(arg), changes)


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    (p, steps, *shares), _ = at_scale(arg, GROKS)
    large, _ = at_scale(arg, LARGE)
    adamw, squares = ({"task.p": p, "task.train_size": share, "steps": steps} for share in shares)
    seeds = {"seed": range(size["seeds"])}
    every = "population" if p**3 <= int(size["points"]) else size["points"]
    return [
        *_scales(size["scales"], [{}], size["points"], seeds),
        *_scales(size["scales"], [ADAMW | adamw], every, seeds),
        *_scales(large, [SQUARES | squares], every, seeds),
    ]


def _scales(scales, settings, points, seeds):
    """Every α and seed; the members with α = 1 also record the kernel at triples, which takes seconds each time."""
    triples = {"probes.ntk_triples": select("ntk_drift", outputs="own", points=points, schedule="log 2")}
    return [
        member
        for scale in scales
        for member in product({"model.init_scale": [scale]}, [one | (triples if scale == 1 else {}) for one in settings], seeds)
    ]
