"""Chughtai et al. 2023 (arXiv 2302.03025): a network learns composition in a group through its representations.

Expected: training accuracy 1.0 near step 300, test accuracy above 0.99 near step 5,000; 1 minute on two cores.
Run:      whygrok run --config=classics/chughtai2023 --workdir=runs/chughtai2023
Try:      --config.task.n=5
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("symmetric_group", n=4, train_size="60%"),
        model=select("mlp", embedding="concatenated", embedding_size=256, width="128", bias=False),
        optimizer=select("adamw", learning_rate=1e-3, b2=0.98, weight_decay=1.0),
        steps=10_000,
    )
