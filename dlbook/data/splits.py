"""Keep a part of a data set aside."""

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

Pair = tuple[Tensor, Tensor]
"""A labelled data set: inputs ``(n, ...)`` and targets ``(n, ...)``."""


def split(
    pair: Pair, fraction: float, seed: int = 0, stratify: bool = False
) -> tuple[Pair, Pair]:
    """Keep a random part of a labelled data set aside, for validation or test.

    ``train, validation = split(pair, 0.1)`` keeps a tenth aside; scikit-learn's
    ``train_test_split`` draws it.

    Args:
        pair: Inputs ``(n, ...)`` and targets ``(n, ...)``.
        fraction: Share of the samples in the second part, between 0 and 1.
        seed: Which samples are kept aside.
        stratify: Give every class the same share in both parts; the targets must be
            class numbers ``(n,)``.

    Returns:
        What remains and what is kept aside, as pairs; both are copies.

    Raises:
        ValueError: If ``fraction`` is not between 0 and 1, the lengths differ, or a
            part would be empty or, stratified, without a class.
    """
    inputs, targets = pair
    if len(inputs) != len(targets):
        raise ValueError(f"{len(inputs)} inputs but {len(targets)} targets")
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
    kept, aside = train_test_split(
        torch.arange(len(inputs)).numpy(),
        test_size=fraction,
        random_state=seed,
        stratify=targets.numpy() if stratify else None,
    )
    return (inputs[kept], targets[kept]), (inputs[aside], targets[aside])
