"""Prieto et al. 2025 (arXiv 2501.04697): StableMax groks without weight decay, where softmax in float32 stops.

Expected: training accuracy 1.0 near step 100, test accuracy above 0.99 near step 5,000; 5 minutes on two cores.
Run:      whygrok run --config=classics/prieto2025 --workdir=runs/prieto2025
Try:      --config.task.loss=cross_entropy   --config=classics/prieto2025:optimizer=orthograd+adamw
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=113, train_size="40%", loss="stablemax"),
        model=select("mlp", depth=2, width="200", bias=False),
        optimizer=select("adamw", learning_rate=1e-2, b2=0.999, eps=1e-25, weight_decay=0.0),
        steps=10_000,
    )
