"""Batch normalization."""

from typing import Any

import torch
from torch import Tensor

from dlbook.nn.checks import (
    check_not_negative,
    check_positive,
    check_share,
    check_tensor,
    shape_of,
)
from dlbook.nn.standardization import Normalization, Standardization, as_given


class _BatchNorm(Normalization):
    """What batch normalization of features and of images shares: all but the shape."""

    _version = 2  # of the state dict: 1 had no num_batches_tracked
    later_axes: tuple[tuple[str, ...], ...]  # what may follow (batch, num_features)
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        layer = type(self).__name__
        self.num_features = check_positive("num_features", num_features)
        self.eps = check_not_negative(f"{layer}: eps", eps)
        if momentum is not None:
            check_share(f"{layer}: momentum", momentum)
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        statistics = {
            "running_mean": torch.empty(self.num_features, **options),
            "running_var": torch.empty(self.num_features, **options),
            "num_batches_tracked": torch.empty((), dtype=torch.int64, device=device),
        }
        for name, tensor in statistics.items():
            self.register_buffer(name, tensor if track_running_stats else None)
        self.make_parameters((self.num_features,), affine, bias, options)

    def reset_running_stats(self) -> None:
        """Forget the batches seen: mean 0, variance 1, none counted."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Scale by 1, shift by 0, and forget the batches seen."""
        self.reset_running_stats()
        super().reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """Standardize each channel, then scale and shift it.

        Args:
            input: ``(batch, num_features, ...)``, see the class for the later axes.

        Returns:
            Same shape and type.

        Raises:
            ValueError: If the shape is another; or if the batch's own statistics are
                needed, and a channel has only one number or ε is 0.
            TypeError: If the input's type does not go with the layer's.
        """
        own = self.training or self.running_mean is None  # whose mean and variance
        self._check(input, own)
        x = self.in_full(input)
        later = input.ndim - 2  # how many axes follow that of the channels
        scale, shift = self.scale_and_shift(x, later)
        tracked = self.training and self.track_running_stats
        if tracked and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1

        if input.numel() == 0:
            output = x * scale + shift
        elif own:
            dims = (0, *range(2, input.ndim))  # all but the channels
            output, mean, variance = Standardization.apply(
                x, scale, shift, dims, self.eps
            )
            if tracked:
                self._track(mean, variance, input.numel() // self.num_features)
        else:
            mean, variance = (
                running.to(x.dtype).reshape(-1, *[1] * later)
                for running in (self.running_mean, self.running_var)
                if running is not None
            )
            output = (x - mean) / (variance + self.eps).sqrt() * scale + shift
        return as_given(output, input)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Let the batch's statistics enter the running ones.

        The mean square around the batch's own mean is on average too small a variance,
        by (count - 1) / count: the running one is freed of this bias.
        """
        share = self.momentum
        if share is None and self.num_batches_tracked is not None:
            share = 1 / self.num_batches_tracked.item()  # makes a plain average
        unbiased = variance * (count / (count - 1))
        for running, new in ((self.running_mean, mean), (self.running_var, unbiased)):
            if running is not None and share is not None:
                old = running.to(new.dtype)
                running.copy_((1 - share) * old + share * new.flatten())

    def _check(self, input: Tensor, own: bool) -> None:
        layer = type(self).__name__
        check_tensor(input, layer)
        axes = [("batch", str(self.num_features), *rest) for rest in self.later_axes]
        if input.ndim not in map(len, axes) or input.shape[1] != self.num_features:
            expected = " or ".join(f"({', '.join(names)})" for names in axes)
            raise ValueError(
                f"{layer} expects input of shape {expected}, got {shape_of(input)}"
            )
        if own and input.numel() == self.num_features:
            raise ValueError(
                f"{layer} takes mean and variance over the batch and needs more than "
                f"one number for each channel, got input of shape {shape_of(input)}"
            )
        if own and self.eps == 0:
            raise ValueError(f"{layer}: eps must be positive in training, got 0")

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        *args: Any,
    ) -> None:
        """Count on from here if a state dict is so old that it has no count."""
        name = f"{prefix}num_batches_tracked"
        old = (local_metadata.get("version") or 1) < 2
        if old and name not in state_dict and self.num_batches_tracked is not None:
            state_dict[name] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm2d(_BatchNorm):
    """Standardize each channel of images over the batch and all pixels.

    y = (x - mean) / √(variance + ε) · weight + bias, see
    :class:`~dlbook.nn.standardization.Standardization`. Ioffe and Szegedy (2015), §3.1,
    algorithm 1; over pixels, too: §3.2.

    In training mode, mean and variance are the batch's own, and enter the running ones:
    running ← (1 - momentum) · running + momentum · own, where the variance is freed of
    its bias, with count - 1 in its denominator. In evaluation mode the running ones are
    used, so that a sample's output does not depend on the others.

    Args:
        num_features: How many channels there are.
        eps: ε, keeps the denominator away from 0.
        momentum: The weight of a new batch, in [0, 1]. None: running statistics are
            plain averages over all batches seen.
        affine: Whether there are weight and bias.
        track_running_stats: Whether to keep running statistics. Without them,
            evaluation mode also uses the batch's own.
        device: Where parameters and statistics live.
        dtype: Their type.
        bias: Whether there is a bias, provided there is a weight.

    Attributes:
        weight: ``(num_features,)``, ones at first; or None.
        bias: ``(num_features,)``, zeros at first; or None.
        running_mean: ``(num_features,)``, or None.
        running_var: ``(num_features,)``, or None.
        num_batches_tracked: How many batches were seen in training mode, or None.

    Raises:
        ValueError: If ``num_features`` is below one, ``eps`` negative, or ``momentum``
            not in [0, 1].
    """

    later_axes = (("height", "width"),)


class BatchNorm1d(_BatchNorm):
    """Standardize each feature over the batch; over time too, if there is such an axis.

    As :class:`BatchNorm2d`, for input ``(batch, num_features)`` or
    ``(batch, num_features, time)``. Ioffe and Szegedy (2015), §3.1, algorithm 1.

    Args:
        num_features: How many features there are.
        eps: ε, keeps the denominator away from 0.
        momentum: The weight of a new batch in the running statistics, or None.
        affine: Whether there are weight and bias.
        track_running_stats: Whether to keep running statistics.
        device: Where parameters and statistics live.
        dtype: Their type.
        bias: Whether there is a bias, provided there is a weight.

    Attributes:
        weight: ``(num_features,)``, ones at first; or None.
        bias: ``(num_features,)``, zeros at first; or None.
        running_mean: ``(num_features,)``, or None.
        running_var: ``(num_features,)``, or None.
        num_batches_tracked: How many batches were seen in training mode, or None.

    Raises:
        ValueError: As for :class:`BatchNorm2d`.
    """

    later_axes = ((), ("time",))
