"""What losses share; losses for predicted numbers, and between distributions."""

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.checks import (
    autocast_is_on,
    check_choice,
    check_floating,
    check_number,
    check_same_shape,
    check_same_type,
    check_tensor,
)


def full_precision(tensor: Tensor) -> Tensor:
    """Leave half precision inside ``torch.autocast``, as all of torch's losses do.

    Args:
        tensor: Any shape, any type.

    Returns:
        ``tensor`` in float32 if it was shorter and autocast is on, else itself.
    """
    short = tensor.dtype in (torch.float16, torch.bfloat16)
    return tensor.float() if short and autocast_is_on(tensor) else tensor


class Loss(Module):
    """What all losses share: how the single losses become the result.

    Args:
        size_average: Deprecated in torch; only None.
        reduce: Deprecated in torch; only None.
        reduction: "mean" or "sum" of all single losses, or "none" to keep them apart.

    Raises:
        ValueError: If ``reduction`` is none of these, or a deprecated argument is used.
    """

    reductions: tuple[str, ...] = ("none", "mean", "sum")

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            raise ValueError(
                "size_average and reduce are torch's old names; use reduction="
            )
        check_choice(reduction, self.reductions, "reduction")
        self.reduction = reduction

    def reduce_losses(self, losses: Tensor) -> Tensor:
        """Reduce single losses as ``reduction`` says.

        Args:
            losses: Any shape.

        Returns:
            ``losses`` themselves for "none", else one number.
        """
        if self.reduction == "none":
            return losses
        return losses.sum() if self.reduction == "sum" else losses.mean()

    def _checked(self, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Refuse what does not fit together; hand back what to compute with."""
        name = type(self).__name__
        check_floating(input, name)
        check_tensor(target, name, "target")
        check_same_shape(input, target, name)
        if target.dtype == torch.bool:
            raise TypeError(f"{name} needs numbers as target, got torch.bool")
        return full_precision(input), full_precision(target)


class MSELoss(Loss):
    """Mean squared error: (x - y)². Large errors weigh most.

    Its minimum is the mean of the targets; it is -log of a normal density up to
    constants: Goodfellow et al. (2016), §5.5.1.

    Args:
        size_average: Only None; use ``reduction``.
        reduce: Only None; use ``reduction``.
        reduction: "none", "mean" or "sum".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets of the same shape.

        Args:
            input: Predictions x, any shape.
            target: Truth y, same shape.

        Returns:
            One number, or the input's shape for "none".

        Raises:
            ValueError: If the shapes differ.
            TypeError: If the input is not floating-point, or the target is boolean.
        """
        input, target = self._checked(input, target)
        return self.reduce_losses((input - target).square())


class L1Loss(Loss):
    """Mean absolute error: ``|x - y|``. Its minimum is the median of the targets.

    Args:
        size_average: Only None; use ``reduction``.
        reduce: Only None; use ``reduction``.
        reduction: "none", "mean" or "sum".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets of the same shape.

        Args:
            input: Predictions x, any shape.
            target: Truth y, same shape.

        Returns:
            One number, or the input's shape for "none".

        Raises:
            ValueError: If the shapes differ.
            TypeError: If the input is not floating-point, or the target is boolean.
        """
        input, target = self._checked(input, target)
        return self.reduce_losses((input - target).abs())


class HuberLoss(Loss):
    """Squared for small errors, absolute for large: outliers pull with bounded force.

    ``(x - y)² / 2`` where ``|x - y| ≤ δ``, else ``δ (|x - y| - δ / 2)``.
    Huber (1964), §4.

    Args:
        reduction: "none", "mean" or "sum".
        delta: δ, where the one turns into the other.

    Raises:
        ValueError: If ``delta`` is not positive.
        TypeError: If ``delta`` is not a number.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        check_number("HuberLoss: delta", delta)
        if not delta > 0:
            raise ValueError(f"HuberLoss: delta must be positive, got {delta}")
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets of the same shape.

        Args:
            input: Predictions x, any shape.
            target: Truth y, same shape.

        Returns:
            One number, or the input's shape for "none".

        Raises:
            ValueError: If the shapes differ.
            TypeError: If the types differ or are not floating-point.
        """
        input, target = self._checked(input, target)
        check_same_type(input, target, "HuberLoss")
        error = (input - target).abs()
        slope = error.clamp(max=self.delta)  # both cases in one: δ caps the slope
        return self.reduce_losses(slope * (error - 0.5 * slope))


class KLDivLoss(Loss):
    """Divergence of a predicted distribution from a true one: nats lost by using it.

    y (log y - x), x being the predicted log-probability; 0 where y is 0. The sum over a
    distribution is KL(y ‖ exp x) ≥ 0: Kullback and Leibler (1951), §2. For its mean per
    distribution use ``reduction="batchmean"``: "mean" divides by every element.

    Args:
        size_average: Only None; use ``reduction``.
        reduce: Only None; use ``reduction``.
        reduction: "none", "mean", "sum" or "batchmean", the sum divided by the batch.
        log_target: Whether the target holds log-probabilities too.
    """

    reductions = ("none", "mean", "sum", "batchmean")

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predicted distributions with true ones.

        Args:
            input: Predicted log-probabilities x, any shape, the batch first.
            target: True probabilities y (or their logarithms), same shape.

        Returns:
            Nats; one number, or the input's shape for "none".

        Raises:
            ValueError: If the shapes differ.
            TypeError: If one of both is not floating-point.
        """
        input, target = self._checked(input, target)
        check_floating(target, "KLDivLoss", "target")
        if self.log_target:
            losses = target.exp() * (target - input)
        else:
            losses = target.xlogy(target) - target * input
        if self.reduction == "batchmean":
            return losses.sum() / (input.shape[0] if input.ndim else 1)
        return self.reduce_losses(losses)
