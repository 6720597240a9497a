"""A drop-in for ``torch.optim``, its update rules written out; and clipping."""

from dlbook.optim import lr_scheduler
from dlbook.optim.adagrad import Adagrad
from dlbook.optim.adam import Adam, AdamW
from dlbook.optim.clipping import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from dlbook.optim.combined import Combined
from dlbook.optim.muon import Muon
from dlbook.optim.rmsprop import RMSprop
from dlbook.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Combined",
    "Muon",
    "RMSprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "lr_scheduler",
]
