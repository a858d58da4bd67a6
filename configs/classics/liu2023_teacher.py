"""Liu et al. 2023 (arXiv 2210.01117), Omnigrok, figure 2: a student with large initial weights understands its teacher late.

Expected: training accuracy 1.0 near step 1,122, test accuracy above 0.9 near step 39,811; 40 s on two cores.
Run:      whygrok run --config=classics/liu2023_teacher --workdir=runs/liu2023_teacher
Try:      whygrok sweep --config=classics/liu2023_teacher --workdir=runs/teacher --jobs=2   --config.model.init_scale=1

Sizes, initialization, rate and decay are those of the authors' notebook. There an answer is right if its mean square error is
below 0.001, which is 0.25 standard deviations of the answers of an average teacher; here it is so for every teacher.
"""

from framework.config import experiment, product, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("teacher_student", train_size="50%", tolerance=0.25),
        model=select("mlp", depth=2, width="100", activation="tanh", init_scale=2.0),
        optimizer=select("adamw", learning_rate=3e-4, b2=0.999, weight_decay=0.05),
        probes={"delay": select("grokking", level=0.9)},
        steps=200_000,
        stop_when="step > 1.2 * delay/grokked and delay/delay > 0",
    )


def get_sweep(config):
    return product({"model.init_scale": [1.0, 1.5, 2.0], "seed": range(5)})
