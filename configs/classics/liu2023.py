"""Liu et al. 2023 (arXiv 2210.01117), Omnigrok: a large initial norm delays generalization, and decay brings it.

Expected: training accuracy 1.0 near step 316, test accuracy above 0.99 near step 2,240; 15 s on two cores.
Run:      whygrok run --config=classics/liu2023 --workdir=runs/liu2023
Try:      --config.model.init_scale=1   --config.optimizer.weight_decay=0   --config=classics/liu2023:optimizer=fixed_norm

The statement is the paper's, the network and the size are ours: theirs on modular addition is Nanda's, in float64.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=47, train_size="50%"),
        model=select("quadratic", init_scale=4.0),
        optimizer=select("adamw", b2=0.98, weight_decay=1.0),
        probes={"norms": select("norms")},
        steps=4_000,
    )
