"""Lee et al. 2024, small, and its control: one layer without norm, p = 47, 60 % of the pairs, full batch.

Expected: training accuracy 1.0 near step 708, test accuracy above 0.95 near step 1,122; 1 minute on two cores.
Run:      whygrok run --config=classics/grokfast2024_small --workdir=runs/grokfast2024_small
Try:      --config.optimizer.inner.amplification=2   --config=classics/grokfast2024_small:optimizer=adamw

As it stands the filter is off (λ = 0), which is the control. With the published λ = 2 this network has test accuracy 0.15 at
step 2,500: at this size the filter delays. docs/classics.md has both.
"""

from framework.config import experiment, select


def get_config(arg=""):
    filtered = select("grokfast", amplification=0.0, inner=select("adam", b2=0.98, weight_decay=0.005))
    return experiment(
        arg,
        task=select("modular_multiplication", p=47, zeros="first", train_size="60%"),
        model=select("transformer", activation="gelu", bias=True, bias_in="blocks", d_model=64, d_mlp=256),
        optimizer=select("scheduled", warmup_steps=10, inner=filtered),
        steps=2_500,
    )
