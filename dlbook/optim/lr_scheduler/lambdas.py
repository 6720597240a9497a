"""A schedule that the caller writes as a function."""

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from torch.optim import Optimizer

from dlbook.optim.lr_scheduler.schedule import (
    Rate,
    Schedule,
    check_optimizer,
    one_each,
)

Factor = Callable[[int], float]


class LambdaLR(Schedule):
    """Multiply the first learning rate by any function of the step's number.

    Args:
        optimizer: Its learning rates are changed.
        lr_lambda: Of the number of steps done, returns the factor; or a list of such
            functions, one for each group.
        last_epoch: The number of the last step done, when a run is resumed; else -1.

    Raises:
        ValueError: If there are more or fewer functions than groups.
        TypeError: If one of them cannot be called.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Factor | Sequence[Factor],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        groups = len(optimizer.param_groups)
        self.lr_lambdas = one_each(self, "lr_lambda", lr_lambda, groups)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"LambdaLR: lr_lambda is no function: {function!r}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """Compute the learning rates of the step in hand.

        Returns:
            One for each group of the optimizer.
        """
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]

    def state_dict(self) -> dict[str, Any]:
        """Describe how far the schedule is.

        Returns:
            Its counters and options. Of functions nothing is kept; of other objects
            that can be called, their attributes.
        """
        kept = [
            None
            if isinstance(f, FunctionType) or not hasattr(f, "__dict__")
            else {**vars(f)}
            for f in self.lr_lambdas
        ]
        return {**super().state_dict(), "lr_lambdas": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a saved schedule stopped.

        Args:
            state_dict: What ``state_dict()`` returned, here or in torch's class.

        Raises:
            ValueError: If it is another schedule's, or of more or fewer groups.
        """
        self._check_saved(state_dict)
        kept, present = state_dict["lr_lambdas"], self.lr_lambdas
        one_each(self, "the saved lr_lambdas", kept, len(present))
        super().load_state_dict({**state_dict, "lr_lambdas": present})
        for function, attributes in zip(present, kept, strict=True):
            if attributes is not None:
                function.__dict__.update(attributes)
