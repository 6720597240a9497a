"""A drop-in for ``torch.optim``, its update rules written out."""

from dlbook.optim import lr_scheduler
from dlbook.optim.adagrad import Adagrad
from dlbook.optim.adam import Adam, AdamW
from dlbook.optim.muon import Muon
from dlbook.optim.rmsprop import RMSprop
from dlbook.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Muon",
    "RMSprop",
    "lr_scheduler",
]
