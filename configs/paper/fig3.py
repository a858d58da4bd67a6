"""Figure 3 of the paper: regression for several p: accuracy against n, and ‖θ‖_∞ after grokking.

Expected: the samples needed grow faster than p², ‖θ‖_∞ grows slowly with p (printed: it is flat); 9 minutes on two cores.
Run:      whygrok reproduce fig3 --scale=laptop --workdir=runs/paper
Try:      whygrok sweep --config=paper/fig3:scale=smoke --workdir=runs/fig3   whygrok config --config=paper/fig3:scale=laptop --sweep

As printed: gradient descent, η = 1, λ = 1e-4, n = 2·p^2.25. What groks: a penalty that is felt, on shares of the p³ triples
around those that suffice: Adam with one on the largest entry (λ = 10), and with one on the squares (λ = 0.003). These runs end
where pair accuracy is 0.99; those of the most triples, whose ‖θ‖_∞ is read, do not.
"""

from configs.paper.regression import get_config as printed
from framework.config import at_scale, override, product, select

LAPTOP = {  # p → shares for the penalty on the largest entry, and on the squares
    11: (["35%", "41%", "48%", "56%"], ["41%", "48%", "56%"]),
    13: (["35%", "41%", "48%", "56%"], ["35%", "41%", "48%", "56%"]),
    17: (["35%", "41%", "48%", "56%"], ["35%", "41%", "48%", "56%"]),
    23: (["30%", "35%", "41%", "48%"], ["26%", "30%", "35%", "41%"]),
}
PAPER = ["5%", "10%", "15%", "20%", "25%", "30%", "40%"]
SIZES = {
    "smoke": {"printed": [11], "shares": {7: (["50%"], ["50%"]), 11: (["50%"], ["50%"])}, "most": "75%", "steps": 1_000, "seeds": 2},
    "laptop": {"printed": [13, 17, 23], "shares": LAPTOP, "most": "66%", "steps": 25_000, "seeds": 5},
    "full": {
        "printed": [23, 47, 97],
        "shares": dict.fromkeys([23, 47, 71, 97], (PAPER, PAPER)),
        "most": "50%",
        "steps": 200_000,
        "seeds": 5,
    },
}
ADAM = {"optimizer": select("adam", learning_rate=1e-2)}
PENALTIES = (select("linf", coefficient=10.0), select("l2", coefficient=0.003))
ANSWERED = "test/pair_accuracy >= 0.99"


def get_config(arg=""):
    size, arg = at_scale(arg, SIZES)
    return override(printed(arg), {"steps": size["steps"], "numerics.on_divergence": "continue"})


def get_sweep(config, arg=""):
    size, _ = at_scale(arg, SIZES)
    seeds = {"seed": range(size["seeds"])}
    members = product({"task.p": size["printed"]}, seeds)
    for number, penalty in enumerate(PENALTIES):
        for p, shares in size["shares"].items():
            setting = [{**ADAM, "penalty": penalty, "task.p": p}]
            members += product(setting, {"task.train_size": shares[number], "stop_when": [ANSWERED]}, seeds)
            members += product(setting, {"task.train_size": [size["most"]]}, seeds)
    return members
