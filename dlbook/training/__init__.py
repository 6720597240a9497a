"""Train a model, watch it learn, stop in time, and go on after an interruption."""

from dlbook.training.alternating import Player, fit_alternating
from dlbook.training.average_precision import (
    average_precision,
    match_detections,
    mean_average_precision,
)
from dlbook.training.checkpoint import Checkpoint
from dlbook.training.diagnostics import (
    LayerStatistics,
    activation_statistics,
    gradient_norms,
    sample_dependence,
)
from dlbook.training.fitting import fit
from dlbook.training.generation import (
    DigitJudge,
    PrecisionRecall,
    class_agreement,
    class_shares,
    digit_judge,
    frechet_distance,
    mean_pairwise_distance,
    precision_recall,
)
from dlbook.training.history import EarlyStopping, History
from dlbook.training.metrics import Evaluation, accuracy, evaluate
from dlbook.training.range_test import RangeTest, learning_rate_range_test
from dlbook.training.segmentation import (
    intersection_over_union,
    mean_iou,
    segmentation_counts,
)
from dlbook.training.statefile import CheckpointError, load_state, save_state
from dlbook.training.tokens import token_accuracy, token_loss

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "DigitJudge",
    "EarlyStopping",
    "Evaluation",
    "History",
    "LayerStatistics",
    "Player",
    "PrecisionRecall",
    "RangeTest",
    "accuracy",
    "activation_statistics",
    "average_precision",
    "class_agreement",
    "class_shares",
    "digit_judge",
    "evaluate",
    "fit",
    "fit_alternating",
    "frechet_distance",
    "gradient_norms",
    "intersection_over_union",
    "learning_rate_range_test",
    "load_state",
    "match_detections",
    "mean_average_precision",
    "mean_iou",
    "mean_pairwise_distance",
    "precision_recall",
    "sample_dependence",
    "save_state",
    "segmentation_counts",
    "token_accuracy",
    "token_loss",
]
