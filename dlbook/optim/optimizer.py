"""What the optimizers share: their checks and the loop over the parameters."""

from collections.abc import Callable
from itertools import chain
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

_ONE = torch.ones((), device="cpu")  # adding a plain 1 takes three times as long


class PerParameterOptimizer(Optimizer):
    """Change one parameter after the other, each by its gradient and its own memory.

    What a subclass adds is the rule for one parameter, ``_update``.

    Args:
        params: Parameters, (name, parameter) pairs, or groups of them with own options.
        **options: The options of each group that does not set its own.

    Raises:
        ValueError: If an option is out of range.
        NotImplementedError: If ``foreach``, ``fused``, ``capturable`` or
            ``differentiable`` is true.
        TypeError: If a parameter is complex.
    """

    not_negative: ClassVar[tuple[str, ...]] = ("lr", "weight_decay")

    def __init__(self, params: Any, **options: Any) -> None:
        self.check_options(options)
        super().__init__(params, options)

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse options that make no sense, wherever they come from.

        Args:
            options: All options of one group.

        Raises:
            ValueError: If a number is negative or NaN, or a tensor ``lr`` has several.
            NotImplementedError: If an option is true that asks for another way to
                compute the same.
        """
        name, lr = type(self).__name__, options["lr"]
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(
                f"{name}: a tensor lr must have one element, got {lr.numel()}"
            )
        for option in self.not_negative:
            if not options[option] >= 0:
                raise ValueError(
                    f"{name}: {option} must not be negative, got {options[option]}"
                )
        for option in ("foreach", "fused", "capturable", "differentiable"):
            if options.get(option):
                raise NotImplementedError(
                    f"{name}: {option} is not implemented; leave it out"
                )

    def check_parameter(self, parameter: Tensor) -> None:
        """Refuse a parameter that the rule is not meant for.

        Args:
            parameter: One that is about to be added.

        Raises:
            TypeError: If it is complex.
        """
        if parameter.is_complex():
            raise TypeError(
                f"{type(self).__name__}: complex parameters are not implemented, "
                f"got one of {parameter.dtype}"
            )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own.

        Args:
            param_group: ``{"params": parameters, "lr": ..., ...}``; options that are
                missing are the optimizer's.

        Raises:
            ValueError: As for the optimizer itself; nothing is added then.
            NotImplementedError: Likewise.
            TypeError: Likewise.
        """
        if isinstance(param_group, dict):
            self.check_options({**self.defaults, **param_group})
        super().add_param_group(param_group)
        try:
            for parameter in self.param_groups[-1]["params"]:
                self.check_parameter(parameter)
        except Exception:
            self.param_groups.pop()
            raise

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a saved run stopped; nothing changes if it is refused.

        A switch that the saved run did not know yet is set as in this optimizer.

        Args:
            state_dict: What ``state_dict()`` returned, here or in torch's class.

        Raises:
            ValueError: As for the optimizer itself; or if the saved run is another
                optimizer's, or its groups or shapes do not fit the parameters.
            NotImplementedError: As for the optimizer itself.
        """
        groups = [self._completed(group) for group in state_dict["param_groups"]]
        for group in groups:
            self.check_options(group)
        ids = chain.from_iterable(group["params"] for group in groups)
        own = chain.from_iterable(group["params"] for group in self.param_groups)
        for number, parameter in zip(ids, own, strict=False):  # super counts them
            self._check_shapes(parameter, state_dict["state"].get(number, {}))
        super().load_state_dict({**state_dict, "param_groups": groups})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Args:
            closure: Computes the loss and its gradients anew, and returns the loss.

        Returns:
            What ``closure`` returned, or None.

        Raises:
            TypeError: If a gradient is sparse; its group is left as it was.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            pairs = [(p, p.grad) for p in group["params"] if p.grad is not None]
            for _, grad in pairs:
                self._check_gradient(grad)
            for parameter, grad in pairs:
                uphill = group.get("maximize", False)
                self._update(parameter, -grad if uphill else grad, group)
        return loss

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        """Change one parameter; its gradient must stay as it is."""
        raise NotImplementedError

    def _check_gradient(self, grad: Tensor) -> None:
        if grad.layout != torch.strided:
            raise TypeError(
                f"{type(self).__name__} needs dense gradients, got one of layout "
                f"{grad.layout}"
            )

    def _completed(self, group: dict[str, Any]) -> dict[str, Any]:
        """Add the switches that a saved group lacks; refuse one that lacks more."""
        switches = (bool, type(None))
        lacking = {k: v for k, v in self.defaults.items() if k not in group}
        if missing := [k for k, v in lacking.items() if not isinstance(v, switches)]:
            raise ValueError(
                f"the saved run is not one of {type(self).__name__}: it lacks "
                f"{', '.join(missing)}"
            )
        return {**lacking, **group}

    def _check_shapes(self, parameter: Tensor, saved: dict[str, Any]) -> None:
        for name, value in saved.items():
            is_memory = isinstance(value, Tensor) and name != "step"
            if is_memory and value.shape != parameter.shape:
                raise ValueError(
                    f"{type(self).__name__}: the saved {name} has the shape "
                    f"{tuple(value.shape)}, its parameter {tuple(parameter.shape)}"
                )


def remembered(state: dict[str, Tensor], name: str, parameter: Tensor) -> Tensor:
    """Look up what an optimizer remembers of a parameter; at first, that is zeros.

    Args:
        state: The optimizer's memory of this parameter.
        name: Which part of it.
        parameter: Gives the shape, the type and the order in memory.

    Returns:
        A tensor to be changed in place.
    """
    if name not in state:
        state[name] = torch.zeros_like(parameter)
    return state[name]


def new_step() -> Tensor:
    """Make a counter of steps, in the type that torch uses.

    Returns:
        0 as a tensor on the CPU.
    """
    double = torch.get_default_dtype() == torch.float64
    dtype = torch.float64 if double else torch.float32
    return torch.zeros((), dtype=dtype, device="cpu")


def count_step(state: dict[str, Tensor]) -> float:
    """Count one more step of a parameter.

    Args:
        state: The optimizer's memory of this parameter.

    Returns:
        The number of its steps, this one included.
    """
    if "step" not in state:
        state["step"] = new_step()
    return state["step"].add_(_ONE).item()
