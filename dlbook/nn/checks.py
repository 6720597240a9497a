"""Say in words what is wrong with an input, before arithmetic fails or broadcasts."""

from collections.abc import Sequence

import torch
from torch import Tensor


def shape_of(tensor: Tensor) -> str:
    """Write a shape for an error message: ``(2, 3)``."""
    return str(tuple(tensor.shape))


def check_floating(input: Tensor, layer: str) -> None:
    """Refuse integers where a layer needs numbers with a gradient.

    Args:
        input: The layer's input.
        layer: Its name, for the message.

    Raises:
        TypeError: If ``input`` holds neither floating-point nor complex numbers.
    """
    if not (input.is_floating_point() or input.is_complex()):
        raise TypeError(f"{layer} needs floating-point input, got {input.dtype}")


def check_matches(input: Tensor, weight: Tensor, layer: str) -> None:
    """Refuse an input of another type or on another device than the layer's weight.

    Inside ``torch.autocast`` the types may differ: autocast converts both.

    Args:
        input: The layer's input.
        weight: The parameter that multiplies it.
        layer: The layer's name, for the message.

    Raises:
        TypeError: If the types differ; both are named.
        ValueError: If the devices differ; both are named.
    """
    if input.device != weight.device:
        raise ValueError(
            f"{layer}'s weight is on {weight.device}, but its input on {input.device}"
        )
    if input.dtype != weight.dtype and not torch.is_autocast_enabled(
        weight.device.type
    ):
        raise TypeError(
            f"{layer}'s weight is {weight.dtype}, but its input is {input.dtype}"
        )


def check_same_shape(input: Tensor, target: Tensor, layer: str) -> None:
    """Refuse a target that would have to be broadcast.

    Args:
        input: Predictions, any shape.
        target: Truth, expected in the same shape.
        layer: The loss's name, for the message.

    Raises:
        ValueError: If the shapes differ; both are named.
    """
    if input.shape != target.shape:
        raise ValueError(
            f"{layer} expects a target of the input's shape {shape_of(input)}, "
            f"got {shape_of(target)}"
        )


def check_same_type(input: Tensor, target: Tensor, layer: str) -> None:
    """Refuse a target of another type than the input.

    Args:
        input: Predictions.
        target: Truth.
        layer: The loss's name, for the message.

    Raises:
        TypeError: If the types differ; both are named.
    """
    if input.dtype != target.dtype:
        raise TypeError(
            f"{layer} expects a target of the input's type {input.dtype}, "
            f"got {target.dtype}"
        )


def check_choice(value: object, choices: Sequence[str], name: str) -> None:
    """Refuse an option that is not on the list.

    Args:
        value: What the caller gave.
        choices: What may be given.
        name: The argument's name, for the message.

    Raises:
        ValueError: If ``value`` is none of ``choices``.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")


def check_dim(dim: int, ndim: int, layer: str) -> int:
    """Turn an axis counted from either end into one counted from the front.

    Args:
        dim: The axis; negative counts from the back.
        ndim: How many axes the input has.
        layer: The layer's name, for the message.

    Returns:
        The same axis, 0 … ndim - 1.

    Raises:
        ValueError: If the input has no such axis.
    """
    if not -max(ndim, 1) <= dim < max(ndim, 1):
        raise ValueError(f"{layer}: the input has {ndim} axes, so no axis {dim}")
    return dim % max(ndim, 1)


def check_positive(name: str, value: int) -> int:
    """Refuse a size that is not a whole number of at least one.

    Args:
        name: The argument's name, for the message.
        value: What the caller gave.

    Returns:
        ``value``.

    Raises:
        TypeError: If ``value`` is not an integer.
        ValueError: If ``value`` is below one.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


def refuse_inplace(inplace: bool, layer: str) -> None:
    """Refuse ``inplace=True``: the layers here never overwrite their input.

    Args:
        inplace: What the caller gave.
        layer: The layer's name, for the message.

    Raises:
        NotImplementedError: If ``inplace`` is true.
    """
    if inplace:
        raise NotImplementedError(
            f"{layer} never overwrites its input; use inplace=False"
        )
