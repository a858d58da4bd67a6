"""Figure 1 of the paper: classification: eNTK change around fitting, several α, accuracy against n for several p.

Expected: eNTK change below a hundredth when fitted, smaller α closes the gap, collapse at n/p^(5/3); 10 minutes on two cores.
Run:      whygrok reproduce fig1 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig1:scale=smoke --workdir=runs/fig1   whygrok config --config=paper/fig1:scale=full --sweep

η = 10 of appendix A is one member, α = 1; the others have η = 1.
"""

from framework.config import at_scale, experiment, product, select

SIZES = {
    "smoke": {"p": 11, "steps": 10_000, "scales": [0.25, 1.0, 4.0], "moduli": [11, 13, 17], "shares": ["60%", "80%"]},
    "laptop": {"p": 23, "steps": 60_000, "scales": [0.25, 0.5, 1.0, 2.0, 4.0], "moduli": [13, 17, 23, 31, 41]},
    "full": {"p": 97, "steps": 100_000, "scales": [0.25, 0.5, 1.0, 2.0, 4.0], "moduli": [23, 47, 71, 97, 113]},
}
SHARES = ["25%", "32%", "40%", "50%", "63%", "80%"]  # of the pairs: a grid in p^(5/3) would favour that exponent
NTK = {"probes.ntk_drift": select("ntk_drift", outputs="first", points="train")}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return experiment(
        arg,
        task=select("modular_addition", p=size["p"], k=2, train_size="2*p^(5/3)"),
        model=select("quadratic", width="4*p"),
        optimizer=select("normalized_gd", learning_rate=1.0),
        penalty=select("linf", coefficient=1e-20),
        probes={"norms": select("norms")},
        numerics={"on_divergence": "continue"},
        steps=size["steps"],
    )


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    printed = product({"optimizer.learning_rate": [10.0]}, [NTK])
    scales = product({"model.init_scale": size["scales"]}, [NTK])
    sizes = product({"task.p": size["moduli"], "task.train_size": size.get("shares", SHARES)})
    return [*printed, *scales, *sizes]
