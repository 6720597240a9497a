"""Say in words what is wrong with an input, before arithmetic fails or broadcasts."""

import operator
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor


def shape_of(tensor: Tensor) -> str:
    """Write a shape for an error message: ``(2, 3)``."""
    return str(tuple(tensor.shape))


def check_tensor(value: object, layer: str, what: str = "input") -> None:
    """Refuse lists and plain numbers.

    Args:
        value: What the caller gave.
        layer: The layer's name, for the message.
        what: What the value is for the layer, for the message.

    Raises:
        TypeError: If ``value`` is not a tensor.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{layer} needs a tensor as {what}, got {type(value).__name__}")


def check_floating(input: Tensor, layer: str, what: str = "input") -> None:
    """Refuse integers where a layer needs numbers with a gradient.

    Args:
        input: What the layer computes with.
        layer: The layer's name, for the message.
        what: What ``input`` is for the layer, for the message.

    Raises:
        TypeError: If ``input`` is no tensor of floating-point or complex numbers.
    """
    check_tensor(input, layer, what)
    if not (input.is_floating_point() or input.is_complex()):
        raise TypeError(f"{layer} needs floating-point {what}, got {input.dtype}")


def autocast_is_on(tensor: Tensor) -> bool:
    """Tell whether ``torch.autocast`` is active on the device of a tensor."""
    kind = tensor.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def check_same_device(
    input: Tensor, weight: Tensor, layer: str, what: str = "weight"
) -> None:
    """Refuse an input on another device than the layer.

    Args:
        input: The layer's input.
        weight: One of its tensors.
        layer: The layer's name, for the message.
        what: The tensor's name, for the message.

    Raises:
        ValueError: If the devices differ; both are named.
    """
    if input.device != weight.device:
        raise ValueError(
            f"{layer}'s {what} is on {weight.device}, but its input on {input.device}"
        )


def check_matches(input: Tensor, weight: Tensor, layer: str) -> None:
    """Refuse an input of another type or on another device than the layer's weight.

    Inside ``torch.autocast`` the types may differ: there the product converts both.

    Args:
        input: The layer's input.
        weight: The parameter that multiplies it.
        layer: The layer's name, for the message.

    Raises:
        TypeError: If the types differ; both are named.
        ValueError: If the devices differ; both are named.
    """
    check_same_device(input, weight, layer)
    if input.dtype != weight.dtype and not autocast_is_on(weight):
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


def check_same_type(
    input: Tensor, other: Tensor, layer: str, what: str = "target"
) -> None:
    """Refuse a target, or a weight, of another type than the input.

    Args:
        input: Predictions.
        other: What must be of the same type.
        layer: The loss's name, for the message.
        what: What ``other`` is for the loss, for the message.

    Raises:
        TypeError: If the types differ; both are named.
    """
    if input.dtype != other.dtype:
        raise TypeError(
            f"{layer} expects a {what} of the input's type {input.dtype}, "
            f"got {other.dtype}"
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


def check_dim(dim: int, input: Tensor, layer: str) -> int:
    """Turn an axis counted from either end into one counted from the front.

    Args:
        dim: The axis; negative counts from the back.
        input: The layer's input; a single number counts as having one axis.
        layer: The layer's name, for the message.

    Returns:
        The same axis, from 0 on.

    Raises:
        ValueError: If the input has no such axis.
    """
    axes = max(input.ndim, 1)
    if not -axes <= dim < axes:
        raise ValueError(f"{layer}: input of shape {shape_of(input)} has no axis {dim}")
    return dim % axes


def check_number(name: str, value: object) -> None:
    """Refuse what is not a number.

    Args:
        name: The argument's name, for the message.
        value: What the caller gave.

    Raises:
        TypeError: If ``value`` is not a real number.
    """
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")


def check_not_negative(name: str, value: float) -> float:
    """Refuse what is not a number of at least 0.

    Args:
        name: The argument's name, for the message.
        value: What the caller gave.

    Returns:
        ``value`` itself.

    Raises:
        TypeError: If ``value`` is not a number.
        ValueError: If ``value`` is negative or NaN.
    """
    check_number(name, value)
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, got {value}")
    return value


def check_share(name: str, value: float) -> None:
    """Refuse what is not a number between 0 and 1.

    Args:
        name: The argument's name, for the message.
        value: What the caller gave.

    Raises:
        TypeError: If ``value`` is not a number.
        ValueError: If ``value`` is not in [0, 1].
    """
    check_number(name, value)
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value}")


def check_integer(name: str, value: object) -> int:
    """Refuse what is not a whole number; NumPy's are fine, True and False are not.

    Args:
        name: The argument's name, for the message.
        value: What the caller gave.

    Returns:
        ``value`` as Python's own integer.

    Raises:
        TypeError: If ``value`` is not an integer.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return operator.index(value)


def check_positive(name: str, value: int) -> int:
    """Refuse a size that is not a whole number of at least one.

    Args:
        name: The argument's name, for the message.
        value: What the caller gave.

    Returns:
        ``value`` as Python's own integer.

    Raises:
        TypeError: If ``value`` is not an integer.
        ValueError: If ``value`` is below one.
    """
    size = check_integer(name, value)
    if size < 1:
        raise ValueError(f"{name} must be at least 1, got {size}")
    return size


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
