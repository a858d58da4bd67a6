"""Kumar et al. 2024 (arXiv 2310.06110): grokking is the passage from lazy to rich; the larger α, the longer the delay.

Expected: training accuracy 1.0 near step 630, test accuracy above 0.99 near step 1,120; 15 s on two cores.
Run:      whygrok run --config=classics/kumar2024 --workdir=runs/kumar2024
Try:      --config.model.output_scale=4 --config.optimizer.learning_rate=0.625   --config.probes.laziness.name=laziness

Outputs are α (f(θ) − f(θ_0)), the learning rate is 10/α². Quadratic network, square loss, no decay: settings ours, the
paper's own were not at hand. docs/classics.md has α from 1/4 to 8.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=23, train_size="80%", loss="square"),
        model=select("centered", output_scale=1.0, inner=select("quadratic", width="128", init="normal", init_std=0.0787)),
        optimizer=select("gd", learning_rate=10.0),
        steps=10_000,
    )
