"""Several optimizers as one: each has its own parameters and its own rule."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim import Optimizer


class Combined(Optimizer):
    """Let several optimizers step together, behind the face of one.

    Muon is made for hidden matrices; embeddings, biases and gains go to AdamW beside it
    (Jordan et al., 2024). A schedule, a checkpoint or :func:`~dlbook.training.fit` sees
    all parameter groups, one after the other, and one state dict. Torch has no such
    class.

    Args:
        optimizers: At least one; no parameter belongs to two. They must not be stepped
            or loaded on their own any more.

    Attributes:
        optimizers: The same.

    Raises:
        ValueError: If there is none, or a parameter belongs to two.
        TypeError: If one is no optimizer.
    """

    def __init__(self, optimizers: Sequence[Optimizer]) -> None:
        for optimizer in optimizers:
            if not isinstance(optimizer, Optimizer):
                raise TypeError(
                    f"Combined needs optimizers, got {type(optimizer).__name__}"
                )
        self.optimizers = list(optimizers)
        groups = [group for part in self.optimizers for group in part.param_groups]
        if not groups:
            raise ValueError("Combined needs at least one optimizer, got none")
        super().__init__(groups, {})
        for part in self.optimizers:
            self.state.update(part.state)
        self._share()

    def _share(self) -> None:
        """Give each part its groups, and all of them one memory."""
        first = 0
        for part in self.optimizers:
            last = first + len(part.param_groups)
            part.param_groups = self.param_groups[first:last]
            part.state = self.state
            first = last

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take over a group of one part; new groups are refused.

        Args:
            param_group: One of a part's.

        Raises:
            ValueError: If it belongs to no part: which rule should it follow?
        """
        known = (group for part in self.optimizers for group in part.param_groups)
        if not any(group is param_group for group in known):
            raise ValueError("add a parameter group to one of the parts, then combine")
        super().add_param_group(param_group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what ``state_dict`` gave, into all parts.

        Args:
            state_dict: Of optimizers combined in the same way.

        Raises:
            ValueError: If the groups differ.
        """
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Let each part step once.

        Args:
            closure: Computes the loss and its gradients, once for all.

        Returns:
            What ``closure`` returned, or None.
        """
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for part in self.optimizers:
            part.step()
        return result
