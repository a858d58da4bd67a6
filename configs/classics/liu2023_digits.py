"""Liu et al. 2023 (arXiv 2210.01117), Omnigrok on images: the larger the initial weights, the longer the delay.

Expected: training accuracy 1.0 near step 2,818, test accuracy above 0.85 near step 10,000; 20 s on two cores.
Run:      whygrok run --config=classics/liu2023_digits --workdir=runs/liu2023_digits
Try:      whygrok sweep --config=classics/liu2023_digits --workdir=runs/digits --jobs=2   --config.optimizer.weight_decay=0

Theirs is MNIST: 1,000 images in batches of 200, width 200, decay 0.01, 100,000 steps. These are 200 images of 8 × 8 pixels as
one batch, width 100, and decay 0.1, with which all of it is faster. Depth, square loss, rate and α are theirs. The run ends when
the test accuracy has been at 0.85 for a while.
"""

from framework.config import at_scale, experiment, product, select

SIZES = {
    "laptop": {"width": "100", "weight_decay": 0.1, "steps": 20_000, "scales": [1.0, 2.0, 4.0, 6.0, 8.0], "seeds": 5},
    "smoke": {"width": "50", "weight_decay": 0.1, "steps": 4_000, "scales": [1.0, 4.0], "seeds": 2},
}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return experiment(
        arg,
        task=select("digits", train_size="200", loss="square"),
        model=select("mlp", depth=2, width=size["width"], init_scale=8.0),
        optimizer=select("adamw", learning_rate=1e-3, b2=0.999, weight_decay=size["weight_decay"]),
        probes={"delay": select("grokking", level=0.85)},
        steps=size["steps"],
        stop_when="step > 1.2 * delay/grokked and delay/delay > 0",
    )


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    return product({"model.init_scale": size["scales"], "seed": range(size["seeds"])})
