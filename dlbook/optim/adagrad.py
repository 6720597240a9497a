"""Adagrad: a step size for each number, smaller the more it has moved."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from dlbook.optim.optimizer import PerParameterOptimizer, count_step, new_step


class Adagrad(PerParameterOptimizer):
    """Step further along directions in which gradients have been rare or small.

    For each parameter θ with gradient g (its sign turned round to maximize), in its
    t-th step, element by element::

        g ← g + λ θ                        weight decay
        s ← s + g²
        θ ← θ - η / (1 + (t - 1) κ) · g / (√s + ε)

    Duchi, Hazan and Singer (2011), §1.1, with diagonal matrices. The decay κ is an
    addition that torch has, too.

    Args:
        params: Parameters, (name, parameter) pairs, or groups of them with own options.
        lr: η, the learning rate; a number or a tensor of one element.
        lr_decay: κ, how fast the learning rate falls.
        weight_decay: λ, how strongly parameters are pulled to 0.
        initial_accumulator_value: s before the first step, one for all groups.
        eps: ε, keeps the denominator above 0.
        foreach: Only None or False: one parameter after the other is the only way here.
        maximize: Step uphill.
        differentiable: Only False.
        fused: Only None or False.

    Raises:
        ValueError: If a number is negative, or a group has its own
            ``initial_accumulator_value`` (torch ignores it).
        NotImplementedError: If ``foreach``, ``differentiable`` or ``fused`` is true.
        TypeError: If a parameter is complex.
    """

    not_negative: ClassVar[tuple[str, ...]] = (
        "lr",
        "lr_decay",
        "weight_decay",
        "initial_accumulator_value",
        "eps",
    )

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            eps=eps,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            foreach=foreach,
            maximize=maximize,
            differentiable=differentiable,
            fused=fused,
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, and what is remembered of them.

        Args:
            param_group: ``{"params": parameters, "lr": ..., ...}``; options that are
                missing are the optimizer's.

        Raises:
            ValueError: As for the optimizer itself; nothing is added then.
            NotImplementedError: Likewise.
            TypeError: Likewise.
        """
        value = self.defaults["initial_accumulator_value"]
        if isinstance(param_group, dict):
            own = param_group.get("initial_accumulator_value", value)
            if own != value:
                raise ValueError(
                    "Adagrad: initial_accumulator_value is one for all groups: "
                    f"expected {value}, got {own}"
                )
        super().add_param_group(param_group)
        for parameter in self.param_groups[-1]["params"]:
            state = self.state[parameter]
            state["step"] = new_step()
            state["sum"] = torch.full_like(parameter, value)

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if group["weight_decay"] != 0:
            grad = grad.add(parameter, alpha=float(group["weight_decay"]))
        state = self.state[parameter]
        step = count_step(state)
        squares = state["sum"].addcmul_(grad, grad)
        lr = float(group["lr"] / (1 + (step - 1) * group["lr_decay"]))
        parameter.addcdiv_(grad, squares.sqrt().add_(group["eps"]), value=-lr)
