"""What decoupled weight decay does over time, in words."""


def decay_notices(learning_rate: float, weight_decay: float) -> list[str]:
    """A sentence where η λ, the share of the weights that a step takes away, is outside 1e-5 … 1e-1."""
    share = learning_rate * weight_decay
    if not share or 1e-5 <= share <= 1e-1:
        return []
    shrinking = f"without gradients the weights shrink with a time constant of {1 / share:,.0f} steps"
    return [f"learning_rate * weight_decay = {share:g}: {shrinking}"]
