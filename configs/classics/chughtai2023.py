"""Chughtai et al. 2023 (arXiv 2302.03025): composition in a group, learned through its representations. Small: A_5.

Expected: training accuracy 1.0 near step 398, test accuracy above 0.95 near step 6,310; 2 minutes on two cores.
Run:      whygrok run --config=classics/chughtai2023 --workdir=runs/chughtai2023
Try:      --config.task.alternating=false --config.task.train_size=40% --config.model.embedding_size=256 --config.steps=250000

Published with S_5, 40 % and embeddings of 256: fitted at 337, grokked at 93,556 (hours here; the line above). Initialization
and biases of the paper were not at hand.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("symmetric_group", n=5, alternating=True, train_size="80%"),
        model=select("mlp", embedding="concatenated", embedding_size=64, width="128", bias=False),
        optimizer=select("adamw", learning_rate=1e-3, b2=0.98, weight_decay=1.0),
        steps=10_000,
    )
