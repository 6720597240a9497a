"""Stochastic gradient descent."""

from typing import Any, ClassVar

from torch import Tensor

from dlbook.optim.optimizer import PerParameterOptimizer


class SGD(PerParameterOptimizer):
    """Step downhill along the gradient of a mini-batch, with momentum if wanted.

    For each parameter θ with gradient g (its sign turned round to maximize)::

        g ← g + λ θ                        weight decay
        b ← μ b + (1 - τ) g                momentum; in the first step b ← g
        g ← g + μ b   or   g ← b           with or without Nesterov's variant
        θ ← θ - η g

    Robbins and Monro (1951); momentum: Polyak (1964), with the learning rate outside b.
    Nesterov's variant takes the gradient at the point to which momentum alone would
    lead, θ + μ v in Sutskever et al. (2013), §2. Here, as in torch, θ is that point
    itself: Bengio et al. (2013), §3.5, rewrite the steps so.

    Args:
        params: Parameters, (name, parameter) pairs, or groups of them with own options.
        lr: η, the learning rate; a number or a tensor of one element.
        momentum: μ, the share of the last step's direction that is kept.
        dampening: τ, the share of the gradient that momentum leaves out.
        weight_decay: λ, how strongly parameters are pulled to 0.
        nesterov: Look ahead along the momentum; needs momentum and no dampening.
        maximize: Step uphill.
        foreach: Only None or False: one parameter after the other is the only way here.
        differentiable: Only False.
        fused: Only None or False.

    Raises:
        ValueError: If a number is negative, or ``nesterov`` lacks what it needs.
        NotImplementedError: If ``foreach``, ``differentiable`` or ``fused`` is true.
    """

    not_negative: ClassVar[tuple[str, ...]] = ("lr", "momentum", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
            foreach=foreach,
            differentiable=differentiable,
            fused=fused,
        )

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse Nesterov's variant without momentum, and what all refuse.

        Args:
            options: All options of one group.

        Raises:
            ValueError: If a number is negative, or ``nesterov`` lacks what it needs.
            NotImplementedError: If an option is true that is not implemented.
        """
        super().check_options(options)
        momentum, dampening = options["momentum"], options["dampening"]
        if options["nesterov"] and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "SGD: nesterov needs a momentum above 0 and dampening 0, got momentum "
                f"{momentum} and dampening {dampening}"
            )

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if group["weight_decay"] != 0:
            grad = grad.add(parameter, alpha=float(group["weight_decay"]))
        if group["momentum"] != 0:
            grad = self._with_momentum(parameter, grad, group)
        parameter.add_(grad, alpha=-float(group["lr"]))

    def _with_momentum(
        self, parameter: Tensor, grad: Tensor, group: dict[str, Any]
    ) -> Tensor:
        state, momentum = self.state[parameter], group["momentum"]
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = grad.clone()
        else:
            buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
        return grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
