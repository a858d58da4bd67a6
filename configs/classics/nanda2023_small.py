"""Nanda et al. 2023, small: p = 47, d_model 64 and 60 % of the pairs; otherwise as classics/nanda2023.

Expected: training accuracy 1.0 near step 200, test accuracy above 0.99 near step 2,240; 1 minute on two cores.
Run:      whygrok run --config=classics/nanda2023_small --workdir=runs/nanda2023_small
Try:      --config.optimizer.inner.weight_decay=0   --config.task.train_size=50%
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=47, train_size="60%"),
        model=select("transformer", operator=False, init="nanda", bias=True, bias_in="mlp", d_model=64, d_mlp=256),
        optimizer=select("scheduled", inner=select("adamw", b2=0.98, weight_decay=1.0), warmup_steps=10),
        steps=3_500,
    )
