"""Three summands: a cubic network memorizes half of the triples, and later groks a + b + c mod 11.

Expected: training accuracy 1.0 near step 64, test accuracy above 0.99 near step 4,800; 8 s on two cores.
Run:      whygrok run --config=k_summands --workdir=runs/three
Try:      --config.task.p=13 --config.optimizer.weight_decay=1   --config.task.k=2   --config.model.init_scale=2
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=11, k=3, train_size="50%"),
        model=select("quadratic", width="256"),
        optimizer=select("adamw", learning_rate=5e-3, b2=0.98, weight_decay=0.3),
        probes={"norms": select("norms")},
        steps=8_000,
    )
