"""RMSprop: divide each gradient by its recent size."""

from typing import Any, ClassVar

from torch import Tensor

from dlbook.optim.optimizer import PerParameterOptimizer, count_step, remembered


class RMSprop(PerParameterOptimizer):
    """Make steps of about the same size along steep and along flat directions.

    For each parameter θ with gradient g (its sign turned round to maximize), element
    by element::

        g ← g + λ θ                        weight decay
        v ← α v + (1 - α) g²
        a ← α a + (1 - α) g                if centered; else a = 0
        d = g / (√(v - a²) + ε)
        b ← μ b + d                        momentum
        θ ← θ - η b   or   θ ← θ - η d     with or without momentum

    Tieleman and Hinton (2012), lecture 6.5; centered, with momentum: Graves (2013),
    who adds ε under the root.

    Args:
        params: Parameters, (name, parameter) pairs, or groups of them with own options.
        lr: η, the learning rate; a number or a tensor of one element.
        alpha: α, the share of the past in the running averages.
        eps: ε, keeps the denominator above 0.
        weight_decay: λ, how strongly parameters are pulled to 0.
        momentum: μ, the share of the last step's direction that is kept.
        centered: Divide by the standard deviation in place of the root mean square.
        capturable: Only False.
        foreach: Only None or False: one parameter after the other is the only way here.
        maximize: Step uphill.
        differentiable: Only False.

    Raises:
        ValueError: If a number is negative.
        NotImplementedError: If ``capturable``, ``foreach`` or ``differentiable`` is
            true.
        TypeError: If a parameter is complex.
    """

    not_negative: ClassVar[tuple[str, ...]] = (
        "lr",
        "alpha",
        "eps",
        "weight_decay",
        "momentum",
    )

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            alpha=alpha,
            eps=eps,
            centered=centered,
            weight_decay=weight_decay,
            capturable=capturable,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
        )

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if group["weight_decay"] != 0:
            grad = grad.add(parameter, alpha=float(group["weight_decay"]))
        state, alpha, lr = self.state[parameter], group["alpha"], float(group["lr"])
        count_step(state)
        square = remembered(state, "square_avg", parameter)
        square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = remembered(state, "grad_avg", parameter).lerp_(grad, 1 - alpha)
            size = square.addcmul(mean, mean, value=-1).sqrt_().add_(group["eps"])
        else:
            size = square.sqrt().add_(group["eps"])
        if group["momentum"] > 0:
            buffer = remembered(state, "momentum_buffer", parameter)
            buffer.mul_(group["momentum"]).addcdiv_(grad, size)
            parameter.add_(buffer, alpha=-lr)
        else:
            parameter.addcdiv_(grad, size, value=-lr)
