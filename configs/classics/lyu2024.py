"""Lyu et al. 2024 (arXiv 2311.18817): a large initialization and a small decay; the transition is near (1/λ) log α.

Published: the transition at (1/λ) log α in units of η t: for α = 4, λ = 1e-3 and η = 0.1 near step 14,000.
Run:      whygrok run --config=classics/lyu2024 --workdir=runs/lyu2024
Try:      --config=classics/lyu2024_small   --config.model.init_scale=8   --config.optimizer.weight_decay=3e-4

ReLU with biases in the first layer, He's initialization times α, decay coupled. The width is a required argument of the
authors' program; 256 is ours. 20 minutes for the steps below on two cores.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=97, train_size="3763"),
        model=select("mlp", width="256", bias_in="first", init="he", init_scale=4.0),
        optimizer=select("sgd", learning_rate=0.1, momentum=0.0, weight_decay=1e-3),
        steps=100_000,
    )
