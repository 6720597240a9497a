"""A drop-in for ``torch.optim``, its update rules written out."""

from dlbook.optim.sgd import SGD

__all__ = ["SGD"]
