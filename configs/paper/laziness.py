"""Whether classification was lazy when it fitted: a phase diagram of the width and the initialization's scale α, until it groks.

Expected: to be written.
Run:      whygrok reproduce laziness --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/laziness:scale=smoke --workdir=runs/laziness
"""

from configs.paper.classification import get_config as classification
from framework.config import at_scale, override, product, select

SIZES = {
    "smoke": {"p": 11, "steps": 10_000, "widths": ["p", "16*p"], "scales": [1.0, 4.0]},
    "laptop": {"p": 23, "steps": 60_000, "widths": ["p", "4*p", "16*p", "64*p"], "scales": [0.25, 1.0, 4.0, 16.0]},
    "full": {"p": 97, "steps": 100_000, "widths": ["p", "4*p", "16*p", "64*p"], "scales": [0.25, 1.0, 4.0, 16.0]},
}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    changes = {
        "task.p": size["p"],
        "steps": size["steps"],
        "probes.ntk_drift": select("ntk_drift", outputs="first", points="train", schedule="log 10"),
        "numerics.on_divergence": "continue",
        "stop_when": "test/accuracy >= 0.99 and step > 2*fitted for 3 events",
        "events.metrics": "log 40",
    }
    return override(classification(arg), changes)


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    return product({"model.width": size["widths"], "model.init_scale": size["scales"]})
