"""Kumar et al. 2024 (arXiv 2310.06110), figure 1: a committee learns the square of one direction, without regularization.

Expected: training loss below 0.03 near step 15,000, test loss below 0.3 near step 15,000; 2 minutes on two cores.
Run:      whygrok run --config=classics/kumar2024_polynomial --workdir=runs/kumar2024_polynomial
Try:      --config.probes.laziness.name=laziness --config.probes.laziness.points=train   --config=classics/kumar2024_scales

Task, network (N = 500, ε = 0.02, α = 1), centred outputs and the rate N / α² are those of the authors' notebook, whose picture a
public repetition of it shows: the test loss rises to a maximum near step 600 and falls long after that.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("polynomial_regression"),
        model=select("centered", output_scale=1.0, inner=select("committee", width="500", epsilon=0.02)),
        optimizer=select("gd", learning_rate=500.0),
        steps=15_000,
    )
