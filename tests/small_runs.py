"""Small configs for tests of probes: p = 7, a few hundred neurons, both tasks."""

from framework.config import experiment, select

TASKS = {
    "modular_addition": select("modular_addition", p=7, train_size="70%"),
    "modular_addition_regression": select("modular_addition_regression", p=7, train_size="60%"),
}


def small_config(probes, task="modular_addition", **changes):
    """The quickstart at p = 7: 60 steps of AdamW with the given probe sections."""
    settings = {
        "task": TASKS[task] if isinstance(task, str) else task,
        "model": select("quadratic", width="4*p", init_scale=2.0),
        "optimizer": select("adamw", learning_rate=1e-2, b2=0.98, weight_decay=0.3),
        "steps": 60,
        "events": {"metrics": "log 5"},
        "recording": {"progress": False, "plot": False, "tensorboard": False},
    }
    return experiment(probes=probes, **(settings | changes))
