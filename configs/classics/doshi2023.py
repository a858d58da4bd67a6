"""Doshi et al. 2023 (arXiv 2310.13061): weight decay groks, also where a third of the labels are wrong. As published.

Expected: training accuracy 1.0 near step 35, test accuracy above 0.99 near step 40; 10 s on two cores.
Run:      whygrok run --config=classics/doshi2023 --workdir=runs/doshi2023
Try:      --config.task.random_labels=0.35   --config.optimizer.weight_decay=0   --config.steps=1000

Published at step 100: training loss 8.1e-4, test loss 1.011e-3. The outcomes with wrong labels are in docs/classics.md.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=97, train_size="50%", loss="square"),
        model=select("quadratic", width="500", init="normal", init_std=0.05),  # 0.5 / (2 · 500)^(1/3)
        optimizer=select("adamw", learning_rate=1e-2, b2=0.98, weight_decay=5.0),
        events={"metrics": "every 5"},
        steps=100,
    )
