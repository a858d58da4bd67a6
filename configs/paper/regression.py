"""Regression as in the paper: gradient descent with a max-entry penalty, in its kernel regime (figures 2 and 3).

Expected: training loss below 1 near step 600, test loss above 47 near step 600 (worse than answering 0); 10 s on two cores.
Run:      whygrok run --config=paper/regression --workdir=runs/regression
Try:      --config=paper/regression:probes=ntk_drift   --config.steps=50000   --config.task.train_size=4*p^2.25

Settings of appendix A (Mohamadi et al. 2024); its figures go to 50,000 steps and beyond (5 minutes).
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition_regression", p=47, k=2, train_size="2*p^2.25"),
        model=select("quadratic", width="4*p"),
        optimizer=select("gd", learning_rate=1.0),
        penalty=select("linf", coefficient=1e-4),
        probes={"norms": select("norms")},
        steps=1_000,
    )
