"""Dropout, of single features and of whole channels."""

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.checks import check_floating, check_share, refuse_inplace, shape_of


class _Dropout(Module):
    """What dropout of single elements and of whole channels shares."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        layer = type(self).__name__
        check_share(f"{layer}: p", p)
        refuse_inplace(inplace, layer)
        self.p = p
        self.inplace = inplace

    def _silence(self, input: Tensor, channels: bool) -> Tensor:
        """Draw which elements, or which whole channels, become 0; enlarge the rest."""
        if not self.training or self.p == 0:
            return input
        if self.p == 1:
            return input * torch.zeros_like(input)
        kept = torch.empty_like(input)
        if channels:
            kept = input.new_empty(*input.shape[:2], *[1] * (input.ndim - 2))
        return input * kept.bernoulli_(1 - self.p).div_(1 - self.p)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Silence random features while training, so that none can be relied on alone.

    Each element becomes 0 with probability p; the others are divided by 1 - p, which
    keeps the expected value. In evaluation mode nothing changes. Srivastava et al.
    (2014), §4, with the scaling moved from test time to training time (§10).

    Args:
        p: The probability of silencing an element.
        inplace: Only False.

    Raises:
        ValueError: If ``p`` is not in [0, 1].
        TypeError: If ``p`` is not a number.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Silence elements in training mode; same shape.

        Raises:
            TypeError: If the input is not floating-point.
        """
        check_floating(input, "Dropout")
        return self._silence(input, channels=False)


class Dropout2d(_Dropout):
    """Silence whole channels while training: neighbouring pixels tell the same.

    Each channel of each sample becomes 0 with probability p; the others are divided by
    1 - p. In evaluation mode nothing changes. Tompson et al. (2015), §3.2: a silenced
    pixel alone would be made up for by those around it.

    Args:
        p: The probability of silencing a channel.
        inplace: Only False.

    Raises:
        ValueError: If ``p`` is not in [0, 1].
        TypeError: If ``p`` is not a number.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Silence channels in training mode; same shape.

        Args:
            input: ``(batch, channels, height, width)``; or, as in torch, which warns,
                ``(batch, channels, time)``: never one image without batch.

        Raises:
            ValueError: If the input has another number of axes.
            TypeError: If the input is not floating-point.
        """
        check_floating(input, "Dropout2d")
        if input.ndim not in (3, 4):
            raise ValueError(
                "Dropout2d expects input of shape (batch, channels, height, width) or "
                f"(batch, channels, time), got {shape_of(input)}"
            )
        return self._silence(input, channels=True)
