"""Dropout."""

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.checks import check_floating, check_share, refuse_inplace


class Dropout(Module):
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

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_share("Dropout: p", p)
        refuse_inplace(inplace, "Dropout")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Silence elements in training mode; same shape.

        Raises:
            TypeError: If the input is not floating-point.
        """
        check_floating(input, "Dropout")
        if not self.training or self.p == 0:
            return input
        if self.p == 1:
            return input * torch.zeros_like(input)
        kept = torch.empty_like(input).bernoulli_(1 - self.p)
        return input * kept.div_(1 - self.p)

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        return f"p={self.p}, inplace={self.inplace}"
