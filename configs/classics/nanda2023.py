"""Nanda et al. 2023 (arXiv 2301.05217): one transformer layer on a b =, the mainline run, as published.

Published: memorization to step 1,400, circuit formation to 9,400, cleanup to 14,000; five key frequencies.
Run:      whygrok run --config=classics/nanda2023 --workdir=runs/nanda2023
Try:      --config.probes.progress.name=progress_measures   --config=classics/nanda2023_small

Separators are no classes here; there, the softmax has one logit more. The small sibling takes a minute.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=113, train_size="30%"),
        model=select("transformer", operator=False, init="nanda", bias=True, bias_in="mlp"),
        optimizer=select("scheduled", inner=select("adamw", b2=0.98, weight_decay=1.0), warmup_steps=10),
        steps=40_000,
    )
