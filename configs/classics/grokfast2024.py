"""Lee et al. 2024 (arXiv 2405.20233): Grokfast amplifies slow gradients and groks sooner. With the EMA.

Published: test accuracy 0.95 at step 910, without the filter at 39,890, with the moving average at 790.
Run:      whygrok run --config=classics/grokfast2024 --workdir=runs/grokfast2024
Try:      --config.optimizer.inner.amplification=0   --config.optimizer.inner.inner.name=adamw   --config=classics/grokfast2024_small

The task there is called division and is a·b with b ≠ 0. Decay is coupled: Adam with weight_decay, after the filter. The
authors' blocks add attention and MLP to the normalized vectors, ours to the vectors; their softmax has two logits more.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_multiplication", p=97, zeros="first", train_size="50%", batch_size="512"),
        model=select("transformer", depth=2, norm="pre", activation="gelu", bias=True, bias_in="blocks"),
        optimizer=select("scheduled", warmup_steps=10, inner=select("grokfast", inner=select("adam", b2=0.98, weight_decay=0.005))),
        steps=2_000,
    )
