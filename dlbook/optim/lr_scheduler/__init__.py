"""A drop-in for ``torch.optim.lr_scheduler``: learning rates that change in training.

Call ``schedule.step()`` after the optimizer's steps of an epoch, or after each step.
"""

from dlbook.optim.lr_scheduler.factors import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)
from dlbook.optim.lr_scheduler.lambdas import LambdaLR
from dlbook.optim.lr_scheduler.one_cycle import OneCycleLR
from dlbook.optim.lr_scheduler.plateau import ReduceLROnPlateau
from dlbook.optim.lr_scheduler.sequential import SequentialLR

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
