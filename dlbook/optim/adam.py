"""Adam and AdamW: momentum, divided by the gradients' recent size."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from dlbook.optim.optimizer import PerParameterOptimizer, count_step, remembered


class Adam(PerParameterOptimizer):
    """Step along averaged gradients, measured in units of their own recent size.

    For each parameter θ with gradient g (its sign turned round to maximize), in its
    t-th step, element by element::

        θ ← θ - η λ θ   or   g ← g + λ θ   weight decay, decoupled or not
        m ← β₁ m + (1 - β₁) g              mean of the gradients
        v ← β₂ v + (1 - β₂) g²             mean of their squares
        w ← max(w, v)   or   w = v         with or without amsgrad
        θ ← θ - η / (1 - β₁ᵗ) · m / (√w / √(1 - β₂ᵗ) + ε)

    Both means begin at 0; the divisions by 1 - βᵗ make up for that. Kingma and Ba
    (2015), Algorithm 1. amsgrad: Reddi, Kale and Kumar (2018), Algorithm 2, without
    these divisions. Decoupled decay: see :class:`AdamW`.

    Args:
        params: Parameters, (name, parameter) pairs, or groups of them with own options.
        lr: η, the learning rate; a number or a tensor of one element.
        betas: β₁ and β₂, the share of the past in the two means; tensors are refused.
        eps: ε, keeps the denominator above 0.
        weight_decay: λ, how strongly parameters are pulled to 0.
        amsgrad: Divide by the largest mean so far: steps cannot grow again.
        foreach: Only None or False: one parameter after the other is the only way here.
        maximize: Step uphill.
        capturable: Only False.
        differentiable: Only False.
        fused: Only None or False.
        decoupled_weight_decay: Shrink θ itself; the means do not see the decay.

    Raises:
        ValueError: If a number is negative, or a beta is no float from 0 to below 1.
        NotImplementedError: If ``foreach``, ``capturable``, ``differentiable`` or
            ``fused`` is true.
        TypeError: If a parameter is complex.
    """

    not_negative: ClassVar[tuple[str, ...]] = ("lr", "eps", "weight_decay")

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=decoupled_weight_decay,
        )

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse betas that make no running mean, and what all refuse.

        Args:
            options: All options of one group.

        Raises:
            ValueError: If a number is negative, or a beta no float from 0 to below 1.
            NotImplementedError: If an option is true that is not implemented.
        """
        super().check_options(options)
        betas = tuple(options["betas"])
        if len(betas) != 2 or not all(
            isinstance(beta, float) and 0 <= beta < 1 for beta in betas
        ):
            raise ValueError(
                f"{type(self).__name__}: betas must be two floats from 0 to below 1, "
                f"got {betas}"
            )

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        lr, weight_decay = group["lr"], group["weight_decay"]
        if weight_decay != 0 and group["decoupled_weight_decay"]:
            parameter.mul_(float(1 - lr * weight_decay))
        elif weight_decay != 0:
            grad = grad.add(parameter, alpha=float(weight_decay))
        beta1, beta2 = group["betas"]
        state = self.state[parameter]
        step = count_step(state)
        mean = remembered(state, "exp_avg", parameter).lerp_(grad, 1 - beta1)
        square = remembered(state, "exp_avg_sq", parameter)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            largest = remembered(state, "max_exp_avg_sq", parameter)
            square = torch.maximum(largest, square, out=largest)
        size = square.sqrt().div_((1 - beta2**step) ** 0.5).add_(group["eps"])
        parameter.addcdiv_(mean, size, value=-float(lr / (1 - beta1**step)))


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves.

    In Adam, decay that enters through the gradient is divided by the gradient's size:
    parameters with large gradients are pulled less. Here each θ first loses the share
    η λ; then Adam's step follows. Loshchilov and Hutter (2019), Algorithm 2, where the
    schedule's factor stands in place of η.

    Args:
        params: Parameters, (name, parameter) pairs, or groups of them with own options.
        lr: η, the learning rate; a number or a tensor of one element.
        betas: β₁ and β₂, the share of the past in the two means; tensors are refused.
        eps: ε, keeps the denominator above 0.
        weight_decay: λ, how strongly parameters are pulled to 0.
        amsgrad: Divide by the largest mean so far: steps cannot grow again.
        maximize: Step uphill.
        foreach: Only None or False: one parameter after the other is the only way here.
        capturable: Only False.
        differentiable: Only False.
        fused: Only None or False.

    Raises:
        ValueError: As for :class:`Adam`, or if a group's decay is not decoupled.
        NotImplementedError: As for :class:`Adam`.
        TypeError: Likewise.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse decay through the gradient, and what Adam refuses.

        Args:
            options: All options of one group.

        Raises:
            ValueError: If a number is out of range or the decay is not decoupled.
            NotImplementedError: If an option is true that is not implemented.
        """
        super().check_options(options)
        if not options["decoupled_weight_decay"]:
            raise ValueError(
                "AdamW: decoupled_weight_decay must be True, got "
                f"{options['decoupled_weight_decay']}; use Adam"
            )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a saved run stopped, with decoupled decay even if that was Adam.

        Args:
            state_dict: What ``state_dict()`` returned, here or in torch's class.

        Raises:
            ValueError: As for :class:`Adam`.
            NotImplementedError: Likewise.
        """
        groups = [
            {**group, "decoupled_weight_decay": True}
            for group in state_dict["param_groups"]
        ]
        super().load_state_dict({**state_dict, "param_groups": groups})
