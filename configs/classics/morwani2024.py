"""Morwani et al. 2024 (arXiv 2311.07568): with an L_{2,3} penalty the normalized margin tends to the largest there is.

Expected: training accuracy 1.0 near step 63, training loss below 0.02 near step 10,000; 20 s on two cores.
Run:      whygrok run --config=classics/morwani2024 --workdir=runs/morwani2024
Try:      --config.probes.fourier.name=fourier   --config.penalty.coefficient=1e-6   then: --probe=margins

margins/population_min_l2d is at 94 % of margins/known_max_l2d = √(2/27)/((p−1)√p) at the end, from below. The paper's
settings for modular addition were not at hand; the penalty's coefficient is its group experiments'.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=23, train_size="100%"),
        model=select("quadratic", width="4*p"),
        optimizer=select("adam", learning_rate=5e-3),
        penalty=select("group", coefficient=1e-5),
        probes={"margins": select("margins")},
        steps=10_000,
    )
