"""Power et al. 2022, small: division mod 31 and d_model 64; otherwise as classics/power2022.

Expected: training accuracy 1.0 near step 200, test accuracy above 0.99 near step 1,500; 1 minute on two cores.
Run:      whygrok run --config=classics/power2022_small --workdir=runs/power2022_small
Try:      --config.optimizer.inner.weight_decay=0   --config.task.train_size=50%
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_division", p=31, train_size="60%", batch_size="n/2"),
        model=select("transformer", depth=2, norm="post", positions="sinusoidal", init="linear", start=True, d_model=64, d_mlp=256),
        optimizer=select("scheduled", inner=select("adamw", b2=0.98, weight_decay=1.0), warmup_steps=10),
        steps=3_000,
    )
