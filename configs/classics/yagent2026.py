"""A public demonstration of 2026 (Y-Agent): a ReLU network at small scale, p = 23, as published.

Expected: training accuracy 1.0 near step 890, test accuracy above 0.95 near step 17,800; 1 minute on two cores.
Run:      whygrok run --config=classics/yagent2026 --workdir=runs/yagent2026
Try:      --config.task.p=29 --config.model.width=814   --config.optimizer.weight_decay=0
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=23, train_size="75%"),
        model=select("mlp", width="512*p^2/529", init="normal", init_std=0.1, bias=False),
        optimizer=select("adamw", learning_rate=1e-4, b2=0.999, weight_decay=2.0),
        steps=24_000,
    )
