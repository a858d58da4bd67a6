"""Prieto et al. 2025 (arXiv 2501.04697): without the part of the gradient that only scales weights, there is no delay.

Expected: training accuracy 1.0 near step 126, test accuracy above 0.99 near step 112; 1 minute on two cores.
Run:      whygrok run --config=classics/prieto2025 --workdir=runs/prieto2025
Try:      --config=classics/prieto2025:optimizer=adam   --config.task.loss=stablemax   --config.optimizer.inner.weight_decay=1

b2 and ε are those that the authors' ⊥AdamW runs with: their code assigns others, which do not reach the optimizer inside.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=113, train_size="40%"),
        model=select("mlp", depth=2, width="200", bias=False),
        optimizer=select("orthograd", inner=select("adamw", learning_rate=1e-2, b2=0.999, weight_decay=0.0)),
        steps=300,
    )
