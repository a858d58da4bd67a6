"""Doshi et al. 2024 (arXiv 2406.03495): polynomials h(g(a) + g(b)) are learned, and not with one more monomial.

Expected: training accuracy 1.0 near step 20, test accuracy above 0.99 near step 80; 10 s on two cores.
Run:      whygrok run --config=classics/doshi2024 --workdir=runs/doshi2024
Try:      --config.task.expression=(2*a+3*b)^4-a^2   --config.steps=5000

The polynomial and p = 23 are from the paper's table 2; the width is 500 here, 5,000 there.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_polynomial", p=23, expression="(2*a+3*b)^4", train_size="50%", loss="square"),
        model=select("quadratic", width="500", init="normal", init_std=0.05),
        optimizer=select("adamw", learning_rate=5e-3, b2=0.98, weight_decay=5.0),
        events={"metrics": "every 5"},
        steps=1_000,
    )
