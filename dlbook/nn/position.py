"""Positions: attention knows no order; these tell it where each element stands."""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn import init
from dlbook.nn.checks import (
    check_floating,
    check_integer,
    check_matches,
    check_not_negative,
    check_positive,
    shape_of,
)
from dlbook.nn.dropout import Dropout


def sinusoids(length: int, d_model: int, base: float = 10000.0) -> Tensor:
    """Write each position as sines and cosines of d_model / 2 frequencies.

    PE(t, 2i) = sin(t / base^(2i / d_model)), PE(t, 2i + 1) = cos of the same angle —
    Vaswani et al. (2017), §3.5. PE(t + k) is PE(t) turned by an angle that depends on k
    alone, in each pair.

    Args:
        length: Number of positions, from 0 on.
        d_model: Size of the result, even.
        base: Wavelengths grow from 2π towards 2π ``base``, in positions.

    Returns:
        ``(length, d_model)``, from -1 to 1, in single precision.

    Raises:
        ValueError: If ``length`` is negative, ``d_model`` not positive and even, or
            ``base`` not positive and finite.
    """
    check_not_negative("length", check_integer("length", length))
    angles = _angles(length, _even("d_model", d_model), _checked_base(base))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1).float()


def _angles(
    length: int, size: int, base: float, device: torch.device | None = None
) -> Tensor:
    """Compute position times frequency, in double precision: ``(length, size / 2)``."""
    steps = torch.arange(0, size, 2, dtype=torch.float64, device=device)
    positions = torch.arange(length, dtype=torch.float64, device=device)
    return torch.outer(positions, base ** (-steps / size))


@lru_cache(maxsize=16)  # all layers of a model ask for the same
def _turn(
    length: int, size: int, base: float, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Compute the cosines and sines of :func:`_angles` once: the state of no layer."""
    with torch.inference_mode(False):  # training may ask for the same afterwards
        angles = _angles(length, size, base, device)
        return angles.cos().to(dtype), angles.sin().to(dtype)


def _even(name: str, size: int) -> int:
    if check_positive(name, size) % 2 != 0:
        raise ValueError(f"{name} must be even, got {size}")
    return size


def _checked_base(base: float) -> float:
    if not (base > 0 and math.isfinite(base)):
        raise ValueError(f"base must be positive and finite, got {base}")
    return base


def _check_sequence(input: Tensor, d_model: int, longest: int, layer: str) -> None:
    check_floating(input, layer)
    if input.ndim != 3 or input.shape[2] != d_model or input.shape[1] > longest:
        raise ValueError(
            f"{layer} expects an input of shape (batch, time, {d_model}) with time up "
            f"to {longest}, got {shape_of(input)}"
        )


class SinusoidalPositionalEncoding(Module):
    """Add to each element where it stands, in sines and cosines; nothing is learned.

    See :func:`~dlbook.nn.position.sinusoids`. Vaswani et al. (2017), §3.5; dropout acts
    on the sum (§5.4).

    Args:
        d_model: Size of the elements, even.
        max_length: Number of positions.
        dropout: The probability of silencing an element of the sum in training mode.

    Attributes:
        encoding: A buffer, ``(max_length, d_model)``; not in the state dict.

    Raises:
        ValueError: If a size is below one, ``d_model`` odd, or ``dropout`` not in
            [0, 1].
    """

    encoding: Tensor

    def __init__(
        self, d_model: int, max_length: int = 5000, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.d_model = d_model
        table = sinusoids(check_positive("max_length", max_length), d_model)
        self.register_buffer("encoding", table, persistent=False)
        self.dropout = Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        """Add the positions 0, 1, ….

        Args:
            input: ``(batch, time, d_model)``.

        Returns:
            Same shape.

        Raises:
            ValueError: If the shape is another, or the sequence too long.
            TypeError: If the input is not floating-point.
        """
        length = len(self.encoding)
        _check_sequence(input, self.d_model, length, type(self).__name__)
        return self.dropout(input + self.encoding[: input.shape[1]].to(input.dtype))


class LearnedPositionalEncoding(Module):
    """Add to each element a vector that is learned for its position.

    Gehring et al. (2017), §3.1. Beyond ``max_length`` there is none.

    Args:
        max_length: Number of positions.
        d_model: Size of the elements.

    Attributes:
        weight: ``(max_length, d_model)``; normal with standard deviation 0.02 at first,
            as in GPT-2 (Radford et al., 2019).

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(self, max_length: int, d_model: int) -> None:
        super().__init__()
        self.max_length = check_positive("max_length", max_length)
        self.d_model = check_positive("d_model", d_model)
        self.weight = Parameter(torch.empty(max_length, d_model))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new vectors."""
        init.normal_(self.weight, std=0.02)

    def forward(self, input: Tensor, offset: int = 0) -> Tensor:
        """Add the positions ``offset``, ``offset`` + 1, ….

        Args:
            input: ``(batch, time, d_model)``.
            offset: Position of the first element.

        Returns:
            Same shape.

        Raises:
            ValueError: If the shape is another, or a position too large or negative.
            TypeError: If types differ.
        """
        name = type(self).__name__
        check_not_negative("offset", check_integer("offset", offset))
        _check_sequence(input, self.d_model, self.max_length - offset, name)
        check_matches(input, self.weight, name)
        return input + self.weight[offset : offset + input.shape[1]]

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"{self.max_length}, {self.d_model}"


class RotaryPositionalEncoding(Module):
    """Turn queries and keys by angles that grow with their positions.

    Elements i and i + head_dim / 2 are the coordinates of a point, turned by t ·
    base^(-2i / head_dim) at position t. The product of a query and a key then depends
    on the distance of their positions only. Su et al. (2021), §3.2; there neighbouring
    elements are paired, which differs in their order alone.

    Args:
        head_dim: Size of a query or key, even.
        base: Wavelengths grow from 2π towards 2π ``base``, in positions.

    Raises:
        ValueError: If ``head_dim`` is not positive and even, or ``base`` not positive
            and finite.
    """

    def __init__(self, head_dim: int, base: float = 10000.0) -> None:
        super().__init__()
        self.head_dim = _even("head_dim", head_dim)
        self.base = _checked_base(base)

    def forward(self, input: Tensor, offset: int = 0) -> Tensor:
        """Turn each element by the angles of the position where it stands.

        Args:
            input: Queries or keys, ``(..., time, head_dim)``.
            offset: Position of the first.

        Returns:
            Same shape; the length of each element is unchanged.

        Raises:
            ValueError: If the shape is another, or ``offset`` negative.
            TypeError: If the input is not floating-point.
        """
        name = type(self).__name__
        check_floating(input, name)
        check_not_negative("offset", check_integer("offset", offset))
        if input.ndim < 2 or input.shape[-1] != self.head_dim:
            raise ValueError(
                f"{name} expects an input of shape (..., time, {self.head_dim}), "
                f"got {shape_of(input)}"
            )
        length = offset + input.shape[-2]
        turn = _turn(length, self.head_dim, self.base, input.device, input.dtype)
        cos, sin = (table[offset:] for table in turn)
        x, y = input.chunk(2, dim=-1)
        return torch.cat([x * cos - y * sin, x * sin + y * cos], dim=-1)

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"{self.head_dim}, base={self.base}"
