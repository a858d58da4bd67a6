"""Power et al. 2022, small: division mod 47 by one layer without norm, d_model 64, 70 % of the pairs, full batch.

Expected: training accuracy 1.0 near step 251, test accuracy above 0.99 near step 2,818; 2 minutes on two cores.
Run:      whygrok run --config=classics/power2022_small --workdir=runs/power2022_small
Try:      --config.optimizer.inner.weight_decay=0   --config.task.train_size=60%   --config.model.depth=2 --config.model.norm=post

Initialized as by Nanda et al.: with PyTorch's N(0, 1) embeddings, test accuracy was still .04 at step 4,000, and with two
post-norm layers .06 at 2,000.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_division", p=47, train_size="70%"),
        model=select("transformer", d_model=64, d_mlp=256, init="nanda"),
        optimizer=select("scheduled", inner=select("adamw", b2=0.98, weight_decay=1.0), warmup_steps=10),
        steps=4_000,
    )
