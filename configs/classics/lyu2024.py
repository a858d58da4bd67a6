"""Lyu et al. 2024 (arXiv 2311.18817): a large initialization and a small decay; the transition is near (1/λ) log α.

Expected: training accuracy 1.0 near step 100, test accuracy above 0.99 near step 20,000; 1 minute on two cores.
Run:      whygrok run --config=classics/lyu2024 --workdir=runs/lyu2024
Try:      --config.model.init_scale=8
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=23, train_size="60%"),
        model=select("mlp", width="256", bias_in="first", init="he", init_scale=4.0, scale_biases=False),
        optimizer=select("sgd", learning_rate=0.1, momentum=0.0, weight_decay=1e-3),
        steps=50_000,
    )
