"""Figure 1 of the paper: classification: eNTK change around fitting, several α, accuracy against n for several p.

Expected: smaller α closes the gap, collapse at n/p^(5/3); the eNTK moves before it has fitted (printed: after); 14 minutes on two cores.
Run:      whygrok reproduce fig1 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig1:scale=smoke --workdir=runs/fig1   whygrok config --config=paper/fig1:scale=full --sweep

η = 10 of appendix A is one setting, α = 1; the others have η = 1. The runs of the third panel end where
test accuracy is 0.99, and have fewer steps at the most.
"""

from framework.config import at_scale, experiment, product, select

# Shares of the pairs, around those that suffice: a grid in p^(5/3) would favour that exponent.
WIDE, HIGH = ["25%", "32%", "40%", "50%", "63%", "80%"], ["40%", "50%", "57%", "65%", "75%", "87%"]
SIZES = {
    "smoke": {"p": 11, "steps": 5_000, "scales": [0.25, 1.0], "seeds": 2, "shares": {11: ["60%", "80%"], 13: ["60%", "80%"]}},
    "laptop": {
        "p": 23,
        "steps": 60_000,
        "steps_of_sizes": 30_000,
        "scales": [0.25, 1.0, 4.0],
        "seeds": 5,
        "shares": {11: HIGH, 13: HIGH, 17: WIDE, 23: WIDE[1:5], 47: WIDE[1:4]},
    },
    "full": {
        "p": 97,
        "steps": 100_000,
        "scales": [0.25, 0.5, 1.0, 2.0, 4.0],
        "seeds": 5,
        "shares": {23: WIDE, 47: WIDE, 71: WIDE, 97: WIDE, 113: WIDE},
    },
}
NTK = {"probes.ntk_drift": select("ntk_drift", outputs="first", points="train")}
ANSWERED = "test/accuracy >= 0.99"


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
    seeds = {"seed": range(size["seeds"])}
    printed = product({"optimizer.learning_rate": [10.0]}, [NTK], seeds)
    scales = product({"model.init_scale": size["scales"]}, [NTK], seeds)
    steps = size.get("steps_of_sizes", size["steps"])
    sizes = [
        member
        for p, shares in size["shares"].items()
        for member in product({"task.p": [p], "task.train_size": shares, "stop_when": [ANSWERED], "steps": [steps]}, seeds)
    ]
    return [*printed, *scales, *sizes]
