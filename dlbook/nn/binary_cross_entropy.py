"""Cross-entropy for yes-or-no questions, from probabilities or from scores."""

from typing import Any

from torch import Tensor
from torch.autograd import Function

from dlbook.nn.activations import softplus
from dlbook.nn.checks import check_floating, check_same_type, shape_of
from dlbook.nn.losses import Loss


class BinaryCrossEntropy(Function):
    """-(y log p + (1 - y) log(1 - p)), with a gradient that stays finite at 0 and 1.

    Both logarithms stop at -100. The derivative by p is (p - y) / (p (1 - p)), of which
    the denominator stops at 1e-12. Letting autograd derive it would meet 0 · ∞ there.
    """

    @staticmethod
    def forward(p: Tensor, y: Tensor) -> Tensor:
        """Compute the losses.

        Args:
            p: Predicted probabilities, any shape.
            y: True ones, same shape.

        Returns:
            Nats, same shape.
        """
        log_yes = p.log().clamp(min=-100)
        log_no = (-p).log1p().clamp(min=-100)
        return (y - 1) * log_no - y * log_yes

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Keep what the backward pass needs.

        Args:
            ctx: Where to keep it.
            inputs: p and y.
            output: The losses, which it does not need.
        """
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the gradients by p and by y.

        Args:
            ctx: What the forward pass kept.
            grad_outputs: The gradient by the losses.

        Returns:
            The gradients by p and by y, same shape.
        """
        (grad,) = grad_outputs
        p, y = ctx.saved_tensors
        by_p = grad * (p - y) / (p * (1 - p)).clamp(min=1e-12)
        by_y = grad * ((1 - p).log() - p.log())
        return by_p, by_y


class _BinaryLoss(Loss):
    """What both losses share: a weight for each element."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def _weigh(self, losses: Tensor) -> Tensor:
        if self.weight is not None:
            _check_expands(self.weight, losses, f"{type(self).__name__}: weight")
            losses = losses * self.weight
        return self.reduce_losses(losses)


class BCELoss(_BinaryLoss):
    """Cross-entropy of yes-or-no answers, from probabilities.

    -(y log p + (1 - y) log(1 - p)), the logarithms cut off at -100:
    see :class:`~dlbook.nn.binary_cross_entropy.BinaryCrossEntropy`. Where p comes from
    a sigmoid, :class:`BCEWithLogitsLoss` is more precise. Of :mod:`torch.func`'s
    transforms, those of the reverse mode work: not ``jvp``, not ``vmap``.

    Args:
        weight: Multiplies the losses; broadcastable to the input.
        size_average: Only None; use ``reduction``.
        reduce: Only None; use ``reduction``.
        reduction: "none", "mean" or "sum".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predicted with true probabilities.

        Args:
            input: Predicted p, in [0, 1], any shape.
            target: True y, in [0, 1], same shape.

        Returns:
            Nats; one number, or the input's shape for "none".

        Raises:
            ValueError: If the shapes differ or something is not in [0, 1].
            TypeError: If the types differ or are not floating-point.
        """
        input, target = self._checked(input, target)
        check_same_type(input, target, "BCELoss")
        for name, values in (("input", input), ("target", target)):
            outside = values.detach()[~((values >= 0) & (values <= 1))]
            if outside.numel():
                raise ValueError(
                    f"BCELoss: {name} must lie in [0, 1], got {outside[0].item()}"
                )
        return self._weigh(BinaryCrossEntropy.apply(input, target))


class BCEWithLogitsLoss(_BinaryLoss):
    """Cross-entropy of yes-or-no answers, from scores; precise for scores of any size.

    -(π y log σ(x) + (1 - y) log(1 - σ(x))). As log(1 - σ(x)) = log σ(x) - x, that is
    (1 - y) x - (1 + (π - 1) y) log σ(x), and -log σ(x) is
    :func:`~dlbook.nn.activations.softplus` (-x), which never overflows.

    Args:
        weight: Multiplies the losses; broadcastable to the input.
        size_average: Only None; use ``reduction``.
        reduce: Only None; use ``reduction``.
        reduction: "none", "mean" or "sum".
        pos_weight: π, how much more a missed yes counts; broadcastable to the input.
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare scores with true probabilities.

        Args:
            input: Scores x, any shape; large means yes.
            target: Probabilities y, same shape.

        Returns:
            Nats; one number, or the input's shape for "none".

        Raises:
            ValueError: If the shapes differ or a weight does not fit them.
            TypeError: If one of both is not floating-point.
        """
        input, target = self._checked(input, target)
        check_floating(target, "BCEWithLogitsLoss", "target")
        surprise = softplus(-input)  # -log σ(x)
        if self.pos_weight is not None:
            _check_expands(self.pos_weight, input, "BCEWithLogitsLoss: pos_weight")
            surprise = (1 + (self.pos_weight - 1) * target) * surprise
        return self._weigh((1 - target) * input + surprise)


def _check_expands(weight: Tensor, losses: Tensor, name: str) -> None:
    pairs = zip(reversed(weight.shape), reversed(losses.shape), strict=False)
    if weight.ndim > losses.ndim or any(w not in (1, size) for w, size in pairs):
        raise ValueError(
            f"{name} of shape {shape_of(weight)} cannot be broadcast to the "
            f"losses' shape {shape_of(losses)}"
        )
