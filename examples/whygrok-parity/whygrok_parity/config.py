"""The parity of three chosen bits among ten: memorized first, then found.

Expected: training accuracy 1.0 near step 160, test accuracy above 0.99 near step 560; 4 s on two cores.
Run:      whygrok run --config=whygrok_parity/config.py --workdir=runs/parity
Try:      --config.task.hidden=0,1,2,3   --config=whygrok_parity/config.py:model=mlp
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("chosen_parity", train_size="40%"),
        model=select("sine_network", width=128, init_scale=3.0),
        optimizer=select("adamw", learning_rate=3e-3, weight_decay=1.0),
        probes={"walsh": select("walsh_coefficients")},
        steps=1_500,
    )
