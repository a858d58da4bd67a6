"""Gromov 2023 (arXiv 2301.02679): a quadratic network groks under plain gradient descent, without regularization.

Expected: training accuracy 1.0 near step 6,600, test accuracy above 0.99 near step 7,500; 2 minutes on two cores.
Run:      whygrok run --config=classics/gromov2023 --workdir=runs/gromov2023
Try:      --config.task.name=modular_polynomial --config.task.p=97 --config.task.expression=a^2+b^2 --config.task.loss=square

Width 256 (500 in the paper) and rate 50, as in a public reproduction of it; the square loss is a mean over n·p.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=97, train_size="50%", loss="square"),
        model=select("quadratic", width="256", init="normal", init_std=0.0625),  # 0.5 / (2 · 256)^(1/3)
        optimizer=select("gd", learning_rate=50.0),
        events={"metrics": "every 50"},
        steps=8_000,
    )
