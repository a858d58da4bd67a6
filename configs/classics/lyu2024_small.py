"""Lyu et al. 2024, small: p = 23, 80 % of the pairs, z² in place of ReLU, no biases: a homogeneous network.

Expected: training accuracy 1.0 near step 126, test accuracy above 0.95 near step 12,600; 15 s on two cores.
Run:      whygrok run --config=classics/lyu2024_small --workdir=runs/lyu2024_small
Try:      --config.model.init_scale=1   --config.optimizer.weight_decay=0   --config.task.train_size=60%

(1/λ) log α / η is step 4,600 here. Test accuracy touches 0.99 near step 15,800 and ends at 0.98.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=23, train_size="80%"),
        model=select("mlp", width="128", activation="quadratic", bias=False, init="he", init_scale=4.0),
        optimizer=select("sgd", learning_rate=0.3, momentum=0.0, weight_decay=1e-3),
        steps=20_000,
    )
