"""Quickstart: a quadratic network memorizes modular addition, and long after that, groks it.

Expected: training accuracy 1.0 near step 300, test accuracy above 0.99 near step 2,200; 10 s on two cores.
Run:      whygrok run --config=configs/quickstart.py --workdir=runs/first
Try:      --config.task.p=59   --config.model.init_scale=2   --config=configs/quickstart.py:optimizer=gd
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=47, k=2, train_size="50%"),
        model=select("quadratic", width="4*p", init_scale=4.0),
        optimizer=select("adamw", learning_rate=1e-3, b2=0.98, weight_decay=1.0),
        probes={"norms": select("norms")},
        steps=4_000,
        checkpoint={"every_steps": 500},
    )
