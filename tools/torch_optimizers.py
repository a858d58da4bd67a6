"""Writes tests/data/torch_optimizers.npz: 200 steps of PyTorch's optimizers on the reference network, in float64.

Run where torch is installed: python tools/torch_optimizers.py tests/data/quadratic.npz tests/data/torch_optimizers.npz
"""

import sys

import numpy as np
import torch

STEPS = 200
RUNS = {
    "nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd_decay": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.8, "weight_decay": 1e-2}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 1e-3, "eps": 1e-4}),
    "rmsprop_all": (
        torch.optim.RMSprop,
        {"lr": 1e-3, "alpha": 0.9, "eps": 1e-3, "momentum": 0.5, "centered": True, "weight_decay": 1e-2},
    ),
    "adam": (torch.optim.Adam, {"lr": 1e-2, "betas": (0.8, 0.95), "eps": 1e-3}),
    "adam_decay": (torch.optim.Adam, {"lr": 1e-2, "weight_decay": 1e-2}),
    "adamw": (torch.optim.AdamW, {"lr": 1e-2, "betas": (0.9, 0.98), "eps": 1e-3, "weight_decay": 0.5}),
    "adamax": (torch.optim.Adamax, {"lr": 1e-2}),
    "adagrad": (torch.optim.Adagrad, {"lr": 1e-2, "initial_accumulator_value": 0.1, "eps": 1e-10}),
    "warmup_cosine": (torch.optim.AdamW, {"lr": 1e-2, "betas": (0.9, 0.98), "weight_decay": 0.5}),
}


def main(source: str, target: str) -> None:
    reference = np.load(source)
    inputs = torch.tensor(reference["train"], dtype=torch.long)
    labels = inputs.sum(dim=1) % int(reference["p"])
    found = {}
    for name, (cls, options) in RUNS.items():
        W, V = (torch.tensor(0.3 * reference[key], dtype=torch.float64, requires_grad=True) for key in ("W", "V"))
        optimizer = cls([W, V], **options)
        warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, _warmup_cosine if name == "warmup_cosine" else lambda t: 1.0)
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            z = W[0, inputs[:, 0]] + W[1, inputs[:, 1]]
            loss = torch.nn.functional.cross_entropy(z**2 @ V, labels)
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
            warmup.step()
        found |= {f"{name}/loss": np.array(losses), f"{name}/W": W.detach().numpy(), f"{name}/V": V.detach().numpy()}
    np.savez_compressed(target, **found)


def _warmup_cosine(t: int) -> float:
    """10 steps up from 0, then half a cosine down to a tenth over 150 steps, then flat."""
    if t < 10:
        return t / 10
    return 0.1 + 0.9 * (1 + np.cos(np.pi * min(t - 10, 150) / 150)) / 2


if __name__ == "__main__":
    main(*sys.argv[1:])
