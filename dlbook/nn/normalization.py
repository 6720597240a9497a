"""Normalization of each sample by itself: over its features, or groups of channels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlbook.nn.checks import (
    check_not_negative,
    check_positive,
    check_tensor,
    shape_of,
)
from dlbook.nn.standardization import Normalization, as_given, standardize


class LayerNorm(Normalization):
    """Standardize each sample over its own features, whatever the rest of the batch.

    y = (x - mean) / √(variance + ε) · weight + bias, with mean and variance over the
    last axes, in training and evaluation mode alike. Ba et al. (2016), §3, eq. (3).

    Args:
        normalized_shape: The sizes of the last axes; or one number, of the last one.
        eps: ε, keeps the denominator away from 0.
        elementwise_affine: Whether there are weight and bias.
        bias: Whether there is a bias, provided there is a weight.
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        weight: ``normalized_shape``, ones at first; or None.
        bias: ``normalized_shape``, zeros at first; or None.

    Raises:
        ValueError: If a size is below one, there is none, or ``eps`` is negative.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = check_not_negative("LayerNorm: eps", eps)
        self.elementwise_affine = elementwise_affine
        options = {"device": device, "dtype": dtype}
        self.make_parameters(self.normalized_shape, elementwise_affine, bias, options)

    def forward(self, input: Tensor) -> Tensor:
        """Standardize over the last axes, then scale and shift.

        Args:
            input: ``(..., *normalized_shape)``.

        Returns:
            Same shape and type.

        Raises:
            ValueError: If the last axes have other sizes.
            TypeError: If the input's type does not go with the layer's.
        """
        dims = _last_axes(input, self.normalized_shape, "LayerNorm")
        x = standardize(self.in_full(input), dims, self.eps)
        scale, shift = self.scale_and_shift(x)
        output = torch.addcmul(shift, x, scale)  # x · scale + shift
        return output.to(input.dtype).contiguous()

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Normalization):
    """Standardize each sample over groups of its channels and all pixels.

    y = (x - mean) / √(variance + ε) · weight + bias, with one mean and variance for
    each sample and group, but weight and bias for each channel. One group is like
    LayerNorm, one channel a group like instance normalization. Wu and He (2018), §3.1,
    eq. (1), (2), (6) and (7).

    Args:
        num_groups: How many groups of neighbouring channels there are.
        num_channels: How many channels there are.
        eps: ε, keeps the denominator away from 0.
        affine: Whether there are weight and bias.
        device: Where the parameters live.
        dtype: Their type.
        bias: Whether there is a bias, provided there is a weight.

    Attributes:
        weight: ``(num_channels,)``, ones at first; or None.
        bias: ``(num_channels,)``, zeros at first; or None.

    Raises:
        ValueError: If a number is below one, ``num_groups`` does not divide
            ``num_channels``, or ``eps`` is negative.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups = check_positive("num_groups", num_groups)
        self.num_channels = check_positive("num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(
                f"num_channels must be divisible by num_groups, got {num_channels} "
                f"and {num_groups}"
            )
        self.eps = check_not_negative("GroupNorm: eps", eps)
        self.affine = affine
        options = {"device": device, "dtype": dtype}
        self.make_parameters((self.num_channels,), affine, bias, options)

    def forward(self, input: Tensor) -> Tensor:
        """Standardize each group, then scale and shift each channel.

        Args:
            input: ``(batch, num_channels, ...)``.

        Returns:
            Same shape and type.

        Raises:
            ValueError: If the shape is another, or there is but one number in all for
                each group.
            TypeError: If the input's type does not go with the layer's.
        """
        self._check(input)
        size = self.num_channels // self.num_groups
        groups = self.in_full(input).unflatten(1, (self.num_groups, size))
        dims = tuple(range(2, groups.ndim))  # (batch, groups, size, ...)
        x = standardize(groups, dims, self.eps).flatten(1, 2)
        scale, shift = self.scale_and_shift(x, later=input.ndim - 2)
        output = torch.addcmul(shift, x, scale)  # x · scale + shift
        return as_given(output, input)

    def _check(self, input: Tensor) -> None:
        check_tensor(input, "GroupNorm")
        if input.ndim < 2 or input.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm expects input of shape (batch, {self.num_channels}, ...), "
                f"got {shape_of(input)}"
            )
        if input.numel() == self.num_groups:
            raise ValueError(
                f"GroupNorm needs more than one number for each of {self.num_groups} "
                f"groups, got input of shape {shape_of(input)}"
            )

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, "
            f"affine={self.affine}, bias={self.bias is not None}"
        )


class RMSNorm(Normalization):
    """Give each sample's features the mean square 1: LayerNorm without its mean.

    y = x / √(mean of x² + ε) · weight, over the last axes. Zhang and Sennrich (2019),
    §3, eq. (4), with ε added.

    Args:
        normalized_shape: The sizes of the last axes; or one number, of the last one.
        eps: ε, keeps the denominator away from 0. None: the distance from 1 to the next
            number in the type in which the layer computes, float32 or float64.
        elementwise_affine: Whether there is a weight.
        device: Where it lives.
        dtype: Its type.

    Attributes:
        weight: ``normalized_shape``, ones at first; or None.

    Raises:
        ValueError: If a size is below one, there is none, or ``eps`` is negative.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = None if eps is None else check_not_negative("RMSNorm: eps", eps)
        self.elementwise_affine = elementwise_affine
        options = {"device": device, "dtype": dtype}
        self.make_parameters(self.normalized_shape, elementwise_affine, False, options)

    def forward(self, input: Tensor) -> Tensor:
        """Divide by the root of the mean square over the last axes, then scale.

        Args:
            input: ``(..., *normalized_shape)``.

        Returns:
            Same shape and type.

        Raises:
            ValueError: If the last axes have other sizes.
            TypeError: If the input's type does not go with the layer's.
        """
        dims = _last_axes(input, self.normalized_shape, "RMSNorm")
        x = self.in_full(input)
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        scale, _ = self.scale_and_shift(x)
        output = x * (x.square().mean(dims, keepdim=True) + eps).rsqrt() * scale
        return output.to(input.dtype).contiguous()

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}"
        )


def _as_shape(sizes: int | Sequence[int]) -> tuple[int, ...]:
    given = sizes if isinstance(sizes, Sequence) else (sizes,)
    if not given:
        raise ValueError(f"normalized_shape needs at least one size, got {sizes!r}")
    return tuple(check_positive("normalized_shape", size) for size in given)


def _last_axes(input: Tensor, shape: tuple[int, ...], layer: str) -> tuple[int, ...]:
    """Refuse an input that does not end in ``shape``; list the axes of this end."""
    check_tensor(input, layer)
    if input.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{layer} expects input of shape (..., {', '.join(map(str, shape))}), "
            f"got {shape_of(input)}"
        )
    return tuple(range(-len(shape), 0))
