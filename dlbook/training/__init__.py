"""Train a model, watch it learn, stop in time, and go on after an interruption."""

from dlbook.training.checkpoint import Checkpoint
from dlbook.training.fitting import fit
from dlbook.training.history import EarlyStopping, History
from dlbook.training.metrics import Evaluation, accuracy, evaluate
from dlbook.training.statefile import CheckpointError, load_state, save_state

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "EarlyStopping",
    "Evaluation",
    "History",
    "accuracy",
    "evaluate",
    "fit",
    "load_state",
    "save_state",
]
