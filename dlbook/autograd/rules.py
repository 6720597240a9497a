"""The derivative of every operation, one short function each.

A rule takes the operands' arrays and returns the result and, for each operand, its
*pullback*: a function that turns the gradient of the wanted number by the result, g,
into the gradient by the operand. Pullbacks need not undo broadcasting: what called the
rule adds up over the axes along which an operand was repeated.
"""

from __future__ import annotations  # keeps the aliases below in the documentation

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Pullback = Callable[[Array], Array]
Axis = int | tuple[int, ...] | None


def add(a: Array, b: Array) -> tuple[Array, Pullback, Pullback]:
    """Add: the result grows as fast as either operand."""
    return a + b, lambda g: g, lambda g: g


def negate(a: Array) -> tuple[Array, Pullback]:
    """Turn the sign round, and the gradient's with it."""
    return -a, lambda g: -g


def subtract(a: Array, b: Array) -> tuple[Array, Pullback, Pullback]:
    """Subtract."""
    return a - b, lambda g: g, lambda g: -g


def multiply(a: Array, b: Array) -> tuple[Array, Pullback, Pullback]:
    """Multiply number by number: each operand's slope is the other operand."""
    return a * b, lambda g: g * b, lambda g: g * a


def divide(a: Array, b: Array) -> tuple[Array, Pullback, Pullback]:
    """Divide number by number: the slopes are 1/b and -a/b²."""
    return a / b, lambda g: g / b, lambda g: -g * a / b**2


def power(a: Array, b: Array) -> tuple[Array, Pullback, Pullback]:
    """Raise a to the power of b: the slopes are b aᵇ⁻¹ and aᵇ ln a."""

    def to_base(g: Array) -> Array:
        return g * np.where(b == 0, 0, b * a ** (b - 1))

    def to_exponent(g: Array) -> Array:
        return g * np.where((a == 0) & (b >= 0), 0, a**b * np.log(a))

    return a**b, to_base, to_exponent


def matmul(a: Array, b: Array) -> tuple[Array, Pullback, Pullback]:
    """Multiply matrices, batches of them, or vectors: with G for g, G Bᵀ and Aᵀ G."""
    # A vector on the left is one row, a vector on the right one column.
    rows = a[None, :] if a.ndim == 1 else a
    columns = b[:, None] if b.ndim == 1 else b

    def as_matrix(g: Array) -> Array:
        if b.ndim == 1:
            g = g[..., None]
        return g[..., None, :] if a.ndim == 1 else g

    def to_left(g: Array) -> Array:
        part = as_matrix(g) @ columns.swapaxes(-1, -2)
        return part[..., 0, :] if a.ndim == 1 else part

    def to_right(g: Array) -> Array:
        part = rows.swapaxes(-1, -2) @ as_matrix(g)
        return part[..., 0] if b.ndim == 1 else part

    return a @ b, to_left, to_right


def exp(a: Array) -> tuple[Array, Pullback]:
    """Exponentiate: the slope is the result itself."""
    result = np.exp(a)
    return result, lambda g: g * result


def log(a: Array) -> tuple[Array, Pullback]:
    """Take natural logarithms: the slope is 1/a."""
    return np.log(a), lambda g: g / a


def tanh(a: Array) -> tuple[Array, Pullback]:
    """Squash to (-1, 1): the slope is 1 - tanh²."""
    result = np.tanh(a)
    return result, lambda g: g * (1 - result**2)


def sigmoid(a: Array) -> tuple[Array, Pullback]:
    """Squash to (0, 1): the slope is σ (1 - σ)."""
    result = 1 / (1 + np.exp(-a))  # e⁻ᵃ may become infinite: then this is 0
    return result, lambda g: g * result * (1 - result)


def relu(a: Array) -> tuple[Array, Pullback]:
    """Cut off below 0: the slope is 1 above 0 and 0 elsewhere."""
    return np.maximum(a, 0), lambda g: g * (a > 0)


def sum(a: Array, axis: Axis, keepdims: bool) -> tuple[Array, Pullback]:
    """Add up along axes: every summand gets the gradient of its sum."""

    def pullback(g: Array) -> Array:
        return np.broadcast_to(_restore_axes(g, a, axis, keepdims), a.shape)

    return a.sum(axis=axis, keepdims=keepdims), pullback


def max(a: Array, axis: Axis, keepdims: bool) -> tuple[Array, Pullback]:
    """Take the largest along axes: it alone gets the gradient, equals share it."""
    largest = a == a.max(axis=axis, keepdims=True)
    share = largest / largest.sum(axis=axis, keepdims=True)

    def pullback(g: Array) -> Array:
        return _restore_axes(g, a, axis, keepdims) * share

    return a.max(axis=axis, keepdims=keepdims), pullback


def index(a: Array, index: Any) -> tuple[Array, Pullback]:
    """Pick elements: they get the gradient, all others get 0."""

    def pullback(g: Array) -> Array:
        whole = np.zeros_like(a)
        np.add.at(whole, index, g)  # adds up where an element was picked twice
        return whole

    return a[index], pullback


def reshape(a: Array, shape: tuple[int, ...]) -> tuple[Array, Pullback]:
    """Lay out in another shape; the gradient is laid out in the old one."""
    return a.reshape(shape), lambda g: g.reshape(a.shape)


def transpose(a: Array, axes: tuple[int, ...] | None) -> tuple[Array, Pullback]:
    """Permute axes; the gradient's are permuted back."""
    back = None if axes is None else tuple(np.argsort(axes))
    return a.transpose(axes), lambda g: g.transpose(back)


def _restore_axes(g: Array, a: Array, axis: Axis, keepdims: bool) -> Array:
    """Put back, with size 1, the axes that a reduction of ``a`` has removed."""
    if keepdims:
        return g
    return np.expand_dims(g, tuple(range(a.ndim)) if axis is None else axis)
