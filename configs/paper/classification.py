"""Classification as in the paper: normalized gradient descent with a vanishing max-entry penalty groks (figures 1 and 4).

Expected: training accuracy 1.0 near step 30, test accuracy above 0.99 before step 60,000; 30 s on two cores.
Run:      whygrok run --config=paper/classification --workdir=runs/classification
Try:      --config.task.p=47   --config.model.init_scale=0.5   then: whygrok plot runs/classification --probe=ntk_drift

Settings of appendix A (Mohamadi et al. 2024) except η: the printed 10 oscillates at p = 23; 1 groks. The width is not
printed; 4p is figure 3's.
"""

from framework.config import experiment, select


def get_config(arg=""):
    return experiment(
        arg,
        task=select("modular_addition", p=23, k=2, train_size="2*p^(5/3)"),
        model=select("quadratic", width="4*p"),
        optimizer=select("normalized_gd", learning_rate=1.0),
        penalty=select("linf", coefficient=1e-20),
        probes={"norms": select("norms"), "ntk_drift": select("ntk_drift", outputs="first", points="train")},
        steps=60_000,
    )
