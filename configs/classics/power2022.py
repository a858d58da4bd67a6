"""Power et al. 2022 (arXiv 2201.02177): division mod 97 by a two-layer decoder, where grokking was first seen.

Published: training accuracy near 1 before step 1,000; without weight decay, test accuracy only near step 1,000,000.
Run:      whygrok run --config=classics/power2022 --workdir=runs/power2022
Try:      --config.optimizer.inner.weight_decay=0 --config.steps=1000000   --config=classics/power2022_small

There, the loss is also taken on the end token, which halves it; here on the answer only. Batches are full: the rest of an
epoch waits for the next. The small sibling takes a minute.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_division", p=97, train_size="50%", batch_size="512"),
        model=select("transformer", depth=2, norm="post", positions="sinusoidal", init="linear", start=True),
        optimizer=select("scheduled", inner=select("adamw", b2=0.98, weight_decay=1.0), warmup_steps=10),
        steps=100_000,
    )
