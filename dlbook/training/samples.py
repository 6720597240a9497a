"""Data sets whose inputs are one tensor, or one for each argument of a model."""

from typing import Any

import torch
from torch import Tensor

from dlbook import nn

Inputs = Tensor | tuple[Tensor, ...]
"""``(n, ...)``, or a tuple of such tensors, one for each argument of the model."""

Samples = tuple[Inputs, Tensor]
"""Inputs and the targets ``(n, ...)`` that belong to them."""


def parts_of(inputs: Inputs) -> tuple[Tensor, ...]:
    """Give inputs as a tuple, even if they are one tensor."""
    return (inputs,) if isinstance(inputs, Tensor) else inputs


def picked(inputs: Inputs, places: Tensor | slice) -> Inputs:
    """Give the inputs of some samples.

    Args:
        inputs: Of all samples.
        places: Which ones; an index tensor or a slice.

    Returns:
        The same kind of inputs.
    """
    if isinstance(inputs, Tensor):
        return inputs[places]
    return tuple(part[places] for part in inputs)


def moved_inputs(inputs: Inputs, device: torch.device) -> Inputs:
    """Move inputs to a device."""
    if isinstance(inputs, Tensor):
        return inputs.to(device)
    return tuple(part.to(device) for part in inputs)


def moved(samples: Samples, device: torch.device) -> Samples:
    """Move a data set to a device."""
    inputs, targets = samples
    return moved_inputs(inputs, device), targets.to(device)


def outputs_of(model: nn.Module, inputs: Inputs) -> Any:
    """Apply a model to inputs, several of them as several arguments."""
    return model(*parts_of(inputs))


def check_samples(name: str, samples: Samples) -> None:
    """Refuse a data set that is empty or whose parts differ in length.

    Raises:
        ValueError: In either case; the lengths are named.
    """
    inputs, targets = samples
    lengths = [len(part) for part in parts_of(inputs)]
    if set(lengths) != {len(targets)} or len(targets) == 0:
        counts = " and ".join(str(length) for length in lengths) or "no"
        raise ValueError(
            f"{name} must hold as many inputs as targets, at least one; "
            f"got {counts} inputs and {len(targets)} targets"
        )
