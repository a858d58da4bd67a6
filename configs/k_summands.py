"""Three summands: a cubic network memorizes half of the triples, and later groks a + b + c mod 13.

Expected: training accuracy 1.0 near step 80, test accuracy above 0.99 near step 500; 6 s on two cores.
Run:      whygrok run --config=k_summands --workdir=runs/three
Try:      --config.model.init_scale=2   --config.task.k=2   --config.task.p=11 --config.optimizer.weight_decay=0.3

The last of these is slower and less certain: with 20,000 steps 2 of the seeds 0 … 4 reach 0.99 (near steps 12,600 and
10,000), the others stay between 0.88 and 0.93.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=13, k=3, train_size="50%"),
        model=select("quadratic", width="256"),
        optimizer=select("adamw", learning_rate=5e-3, b2=0.98, weight_decay=1.0),
        probes={"norms": select("norms")},
        steps=2_000,
    )
