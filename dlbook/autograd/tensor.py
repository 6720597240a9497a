"""Tensors that remember how they were computed, and the backward pass."""

from __future__ import annotations  # keeps the types' short names in the documentation

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlbook.autograd import rules
from dlbook.autograd.rules import Array, Axis, Pullback

_recording = ContextVar("_recording", default=True)


@contextlib.contextmanager
def no_grad() -> Iterator[None]:
    """Compute without remembering how: for evaluation, and for an optimizer's step."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


class Tensor:
    """An array that remembers how it was computed, so that it can be differentiated.

    Shapes that differ are broadcast as in NumPy. Numbers and arrays may stand on either
    side of an operator.

    Args:
        data: Numbers of any shape; copied. Whole numbers become float64.
        requires_grad: Whether :meth:`backward` finds a gradient for it.

    Attributes:
        data: The numbers. Changing them in place between a computation and its
            ``backward`` makes the gradients wrong, without a word (torch notices).
        grad: The sum of all gradients that :meth:`backward` has found for it, in the
            shape of ``data``, or None. Intermediate results have one, too; torch keeps
            only those of the sources unless asked.
        requires_grad: True for a source made so, and for all that is computed from it.
        operation: Name of the operation that it results from; empty for a source.
        parents: The operands that need a gradient, each with its pullback.

    Raises:
        TypeError: If ``data`` holds anything but real numbers.
        FloatingPointError: If ``data`` holds NaN.
    """

    __array_ufunc__ = None  # lets `array + tensor` arrive at Tensor.__radd__

    def __init__(self, data: ArrayLike, requires_grad: bool = False) -> None:
        array = np.array(data)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"Tensor needs real numbers, got {array.dtype}")
        if array.dtype.kind != "f":
            array = array.astype(np.float64)
        _refuse_nan(array, "the data")
        self._set(array, requires_grad)

    def _set(
        self,
        data: Array,
        requires_grad: bool,
        operation: str = "",
        parents: tuple[tuple[Tensor, Pullback], ...] = (),
    ) -> None:
        self.data = data
        self.grad: Array | None = None
        self.requires_grad = requires_grad
        self.operation = operation
        self.parents = parents

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def T(self) -> Tensor:
        """The tensor with its axes in reverse order."""
        return self.transpose()

    def __repr__(self) -> str:
        origin = f", operation='{self.operation}'" if self.operation else ""
        return f"Tensor({self.data}, requires_grad={self.requires_grad}{origin})"

    def __len__(self) -> int:
        return len(self.data)

    def item(self) -> float:
        """Give the only number as Python's own.

        Raises:
            ValueError: If there are more, or none.
        """
        if self.data.size != 1:
            raise ValueError(f"item needs a single number, got shape {self.shape}")
        return self.data.item()

    def detach(self) -> Tensor:
        """Give a copy of the numbers without their history."""
        return Tensor(self.data)

    def backward(self, gradient: ArrayLike | None = None) -> None:
        """Add to ``grad`` of all tensors that this one was computed from.

        Args:
            gradient: Gradient of the wanted number by this tensor, in its shape. May be
                left out, and is 1, where this tensor is that number.

        Raises:
            ValueError: If nothing that this tensor was computed from requires a
                gradient, if it is not a single number and ``gradient`` is missing, or
                if ``gradient`` has another shape.
            FloatingPointError: If a gradient becomes NaN; the operation is named.
        """
        gradients = {self: self._start(gradient)}
        for tensor in _results_first(self):
            found = gradients.pop(tensor)
            tensor.grad = found if tensor.grad is None else tensor.grad + found
            for parent, pullback in tensor.parents:
                with np.errstate(all="ignore"):
                    part = _sum_to(pullback(found), parent.data)
                _refuse_nan(part, f"the gradient of {tensor.operation}")
                if parent in gradients:
                    part = gradients[parent] + part
                gradients[parent] = part

    def _start(self, gradient: ArrayLike | None) -> Array:
        if not self.requires_grad:
            raise ValueError(
                "backward needs a tensor that was computed, outside no_grad, from one "
                "with requires_grad=True"
            )
        if gradient is None and self.data.size != 1:
            raise ValueError(
                f"backward starts from a single number, got shape {self.shape}; reduce "
                "it by sum() or mean(), or pass the gradient to start from"
            )
        if gradient is None:
            return np.ones_like(self.data)
        start = np.array(gradient, dtype=self.data.dtype)
        if start.shape != self.shape:
            raise ValueError(
                f"backward needs a gradient of shape {self.shape}, got {start.shape}"
            )
        return start

    def __add__(self, other: Any) -> Tensor:
        return _apply("+", rules.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _apply("+", rules.add, other, self)

    def __neg__(self) -> Tensor:
        return _apply("-", rules.negate, self)

    def __sub__(self, other: Any) -> Tensor:
        return _apply("-", rules.subtract, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _apply("-", rules.subtract, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return _apply("*", rules.multiply, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _apply("*", rules.multiply, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return _apply("/", rules.divide, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _apply("/", rules.divide, other, self)

    def __pow__(self, other: Any) -> Tensor:
        return _apply("**", rules.power, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return _apply("**", rules.power, other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return _apply("@", rules.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return _apply("@", rules.matmul, other, self)

    def __getitem__(self, index: Any) -> Tensor:
        return _apply("indexing", rules.index, self, index=index)

    def exp(self) -> Tensor:
        """Raise e to the power of each number."""
        return _apply("exp", rules.exp, self)

    def log(self) -> Tensor:
        """Take the natural logarithm of each number."""
        return _apply("log", rules.log, self)

    def tanh(self) -> Tensor:
        """Squash each number to (-1, 1)."""
        return _apply("tanh", rules.tanh, self)

    def sigmoid(self) -> Tensor:
        """Squash each number to (0, 1): 1 / (1 + e⁻ˣ)."""
        return _apply("sigmoid", rules.sigmoid, self)

    def relu(self) -> Tensor:
        """Replace negative numbers by 0; the slope at 0 is taken to be 0."""
        return _apply("relu", rules.relu, self)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Add up along one, several or all axes; arguments as in NumPy."""
        return _apply("sum", rules.sum, self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Average along one, several or all axes; arguments as in NumPy.

        Raises:
            ValueError: If there is nothing to average.
        """
        if self.data.size == 0:
            raise ValueError(f"mean needs at least one number, got shape {self.shape}")
        total = self.sum(axis, keepdims)
        return total / (self.data.size / total.data.size)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Take the largest number along one, several or all axes.

        Numbers that share the first place share the gradient, as in ``torch.amax``.
        """
        return _apply("max", rules.max, self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: int) -> Tensor:
        """Lay the same numbers out in another shape; one size may be -1."""
        return _apply("reshape", rules.reshape, self, shape=shape)

    def transpose(self, *axes: int) -> Tensor:
        """Permute the axes; without arguments, reverse their order."""
        return _apply("transpose", rules.transpose, self, axes=axes or None)


def _results_first(root: Tensor) -> Iterator[Tensor]:
    """Yield a graph's tensors, each after everything that was computed from it.

    Kahn (1962): count for each tensor how often it is used, and release it when all
    its uses are done. A loop in place of recursion, so that long chains work.
    """
    uses: Counter[Tensor] = Counter()
    waiting, seen = [root], {root}
    while waiting:
        for parent, _ in waiting.pop().parents:
            uses[parent] += 1
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    released = [root]
    while released:
        tensor = released.pop()
        yield tensor
        for parent, _ in tensor.parents:
            uses[parent] -= 1
            if uses[parent] == 0:
                released.append(parent)


def _apply(
    operation: str, rule: Callable[..., tuple], *operands: Any, **options: Any
) -> Tensor:
    """Compute by a rule, and remember the operands and their pullbacks."""
    dtype = next(x.data.dtype for x in operands if isinstance(x, Tensor))
    tensors = [_tensor(operand, dtype) for operand in operands]
    try:
        with np.errstate(all="ignore"):
            data, *pullbacks = rule(*(tensor.data for tensor in tensors), **options)
    except ValueError as error:
        shapes = " and ".join(str(tensor.shape) for tensor in tensors)
        raise ValueError(f"{operation} of shape {shapes}: {error}") from None
    _refuse_nan(data, f"the result of {operation}")
    parents: list[tuple[Tensor, Pullback]] = []
    if _recording.get():
        pairs = zip(tensors, pullbacks, strict=True)
        parents = [pair for pair in pairs if pair[0].requires_grad]
    result = Tensor.__new__(Tensor)
    result._set(np.asarray(data), bool(parents), operation, tuple(parents))
    return result


def _tensor(value: Any, dtype: np.dtype) -> Tensor:
    """Take a tensor as it is, and a plain number in the other operand's precision."""
    if isinstance(value, Tensor):
        return value
    return Tensor(np.array(value, dtype) if isinstance(value, int | float) else value)


def _sum_to(gradient: Array, like: Array) -> Array:
    """Undo broadcasting: add up over the axes along which an operand was repeated."""
    added = gradient.ndim - like.ndim
    stretched = [
        added + axis
        for axis, size in enumerate(like.shape)
        if size == 1 and gradient.shape[added + axis] != 1
    ]
    total = gradient.sum(axis=(*range(added), *stretched))
    return total.reshape(like.shape).astype(like.dtype, copy=False)


def _refuse_nan(array: Array, what: str) -> None:
    if count := np.count_nonzero(np.isnan(array)):
        raise FloatingPointError(f"{what} is NaN in {count} of {np.size(array)} places")
