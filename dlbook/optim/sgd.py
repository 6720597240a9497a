"""Stochastic gradient descent."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class SGD(Optimizer):
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
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        _check(options)
        super().__init__(params, options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own.

        Args:
            param_group: ``{"params": parameters, "lr": ..., ...}``; options that are
                missing are the optimizer's.

        Raises:
            ValueError: As for the optimizer itself.
            NotImplementedError: Likewise.
        """
        if isinstance(param_group, dict):
            _check({**self.defaults, **param_group})
        super().add_param_group(param_group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a saved run stopped; nothing changes if it is refused.

        Args:
            state_dict: What ``state_dict()`` returned, here or in torch's SGD.

        Raises:
            ValueError: As for the optimizer itself, or if the groups do not match.
            NotImplementedError: As for the optimizer itself.
        """
        for group in state_dict["param_groups"]:
            _check({**self.defaults, **group})
        super().load_state_dict(state_dict)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: Computes the loss and its gradients anew, and returns the loss.

        Returns:
            What ``closure`` returned, or None.

        Raises:
            TypeError: If a gradient is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if grad.is_sparse:
            raise TypeError("SGD needs dense gradients, got a sparse one")
        if group["maximize"]:
            grad = -grad
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


def _check(options: dict[str, Any]) -> None:
    lr, momentum = options["lr"], options["momentum"]
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(f"SGD: a tensor lr must have one element, got {lr.numel()}")
    for name in ("lr", "momentum", "weight_decay"):
        if options[name] < 0:
            raise ValueError(f"SGD: {name} must not be negative, got {options[name]}")
    if options["nesterov"] and (momentum <= 0 or options["dampening"] != 0):
        raise ValueError(
            "SGD: nesterov needs a momentum above 0 and dampening 0, got momentum "
            f"{momentum} and dampening {options['dampening']}"
        )
    for name in ("foreach", "fused", "differentiable"):
        if options[name]:
            raise NotImplementedError(f"SGD: {name} is not implemented; leave it out")
