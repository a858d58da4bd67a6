"""Was it lazy? Classification over width × α: how far the eNTK had moved when the network fitted, and when it groks.

Expected: a wide network of large α fits in its kernel regime and groks later; none at α = 1 does; 9 minutes on two cores.
Run:      whygrok reproduce laziness --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/laziness:scale=smoke --workdir=runs/laziness   --config.model.width=256*p

Figure 1's setting with η = 1; the paper prints no width. A run ends once it has grokked, so that the eNTK's change at the end is
the change until then. The widest networks have one seed, and the narrowest, which at p = 23 do not grok, fewer steps.
"""

from configs.paper.classification import get_config as classification
from framework.config import at_scale, override, product, select

SIZES = {  # widths: width → (steps, seeds)
    "smoke": {"p": 11, "widths": {"p": (2_000, 2), "16*p": (2_000, 1)}, "scales": [1.0, 16.0]},
    "laptop": {
        "p": 17,
        "widths": {"p": (30_000, 2), "4*p": (100_000, 2), "16*p": (150_000, 2), "64*p": (150_000, 1)},
        "scales": [0.25, 1.0, 4.0, 16.0],
    },
    "full": {
        "p": 23,
        "widths": {"p": (100_000, 5), "4*p": (400_000, 5), "16*p": (400_000, 5), "64*p": (400_000, 3), "256*p": (400_000, 1)},
        "scales": [0.25, 1.0, 4.0, 16.0, 64.0],
    },
}
GROKKED = "test/accuracy >= 0.99 and step > 2*fitted for 3 events"
PROBES = {
    "probes.ntk_drift": select("ntk_drift", outputs="first", points="train", schedule="log 20"),
    "probes.laziness": select("laziness", points=("train",), linearized=False, schedule="log 20"),
}


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    changes = {"task.p": size["p"], "stop_when": GROKKED, "events.metrics": "log 40", "numerics.on_divergence": "continue"}
    return override(classification(arg), {**changes, **PROBES})


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    return [
        member
        for width, (steps, seeds) in size["widths"].items()
        for member in product({"model.width": [width], "model.init_scale": size["scales"], "steps": [steps], "seed": range(seeds)})
    ]
