"""Figure 5 of the paper: a transformer of one layer for several p: loss, accuracy, eNTK change.

Expected: AdamW groks at some seeds; the eNTK changes while the training set is fitted (printed: only after it); 3 minutes on two cores.
Run:      whygrok reproduce fig5 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig5:scale=smoke --workdir=runs/fig5   whygrok config --config=paper/fig5:scale=laptop --sweep

As printed: gradient descent, η = 0.25. What groks: AdamW with η = 5e-3 and weight decay 1 (with 1e-3 and 1 it
does not in 5,000 steps at p = 17 and 23).
"""

from framework.config import at_scale, experiment, product, select

SIZES = {
    "smoke": {"moduli": [11], "steps": 300, "d_model": 16, "d_mlp": 32, "seeds": 2},
    "laptop": {"moduli": [17, 23], "steps": 1_500, "d_model": 64, "d_mlp": 256, "seeds": 5},
    "full": {"moduli": [23, 47, 97], "steps": 100_000, "d_model": 128, "d_mlp": 512, "seeds": 5},
}
ADAMW = {"optimizer": select("adamw", learning_rate=5e-3, b2=0.98, weight_decay=1.0), "penalty": select("none")}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return experiment(
        arg,
        task=select("modular_addition", p=size["moduli"][-1], k=2, train_size="2*p^(5/3)"),
        model=select("transformer", d_model=size["d_model"], d_mlp=size["d_mlp"]),
        optimizer=select("gd", learning_rate=0.25),
        penalty=select("linf", coefficient=1e-20),
        probes={"ntk_drift": select("ntk_drift", outputs="first", points="train", schedule="log 5")},
        numerics={"on_divergence": "continue"},
        steps=size["steps"],
    )


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    return product({"task.p": size["moduli"]}, [{}, ADAMW], {"seed": range(size["seeds"])})
