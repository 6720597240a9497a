"""Cross-entropy for a choice among classes, from log-probabilities or from scores."""

import torch
from torch import Tensor

from dlbook.nn.activations import log_softmax
from dlbook.nn.checks import (
    check_floating,
    check_same_shape,
    check_same_type,
    check_share,
    check_tensor,
    shape_of,
)
from dlbook.nn.losses import Loss, full_precision


class NLLLoss(Loss):
    """Negative log-likelihood: minus the log-probability that the true class was given.

    -w[y] x[y]. The mean is weighted too: Σ w[y] · (-x[y]) / Σ w[y]. An ignored element
    counts in neither sum; if all are ignored, the mean is 0 / 0, NaN.

    Args:
        weight: w, a number for each class, ``(classes,)``; default 1.
        size_average: Only None; use ``reduction``.
        ignore_index: Elements with this target are left out; their loss is 0.
        reduce: Only None; use ``reduction``.
        reduction: "none", "mean" or "sum".
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Look up what the true classes were given.

        Args:
            input: Log-probabilities x, ``(batch, classes, ...)`` or ``(classes,)``.
            target: True classes y, 0 … classes - 1, ``(batch, ...)`` or ``()``.

        Returns:
            Nats; one number, or the target's shape for "none".

        Raises:
            ValueError: If the shapes do not match or a class does not exist.
            TypeError: If the target holds no class numbers (int64 or uint8).
        """
        log_probs = self._checked_scores(input, target)
        return self._weighted_mean(*self._look_up(log_probs, target))

    def _look_up(self, log_probs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Find each element's loss and its weight, both 0 where it is ignored."""
        classes = self._checked_classes(log_probs, target)
        ignored = classes == self.ignore_index
        classes = classes.masked_fill(ignored, 0)
        axis = _class_axis(log_probs)
        picked = log_probs.gather(axis, classes.unsqueeze(axis)).squeeze(axis)
        if self.weight is None:
            weights = torch.ones_like(picked)
        else:
            weights = full_precision(self.weight)[classes]
        losses = -weights * picked
        return losses.masked_fill(ignored, 0), weights.masked_fill(ignored, 0)

    def _weighted_mean(self, losses: Tensor, weights: Tensor) -> Tensor:
        if self.reduction == "mean":
            return losses.sum() / weights.sum()
        return self.reduce_losses(losses)

    def _checked_scores(self, input: Tensor, target: Tensor) -> Tensor:
        """Refuse what does not fit together; hand back what to compute with."""
        name = type(self).__name__
        check_floating(input, name)
        check_tensor(target, name, "target")
        classes = input.shape[_class_axis(input)] if input.ndim else 0
        if classes == 0:
            raise ValueError(
                f"{name} expects input of shape (batch, classes, ...) or (classes,) "
                f"with at least one class, got {shape_of(input)}"
            )
        input = full_precision(input)
        if self.weight is not None:
            if self.weight.shape != (classes,):
                raise ValueError(
                    f"{name} expects a weight for each of {classes} classes, "
                    f"got shape {shape_of(self.weight)}"
                )
            check_same_type(input, full_precision(self.weight), name, "weight")
        return input

    def _checked_classes(self, input: Tensor, target: Tensor) -> Tensor:
        """Refuse classes that do not exist; hand back the others as int64."""
        name = type(self).__name__
        if target.dtype not in (torch.int64, torch.uint8):
            raise TypeError(
                f"{name} expects class numbers of type torch.int64 or torch.uint8, "
                f"got {target.dtype}"
            )
        target = target.long()  # as a byte, -100 would be the class 156
        axis = _class_axis(input)
        expected = (*input.shape[:axis], *input.shape[axis + 1 :])
        if target.shape != expected:
            raise ValueError(
                f"{name} expects targets of shape {expected} for input "
                f"{shape_of(input)}, got {shape_of(target)}"
            )
        missing = (target < 0) | (target >= input.shape[axis])
        missing &= target != self.ignore_index
        if missing.any():
            raise ValueError(
                f"{name} knows classes 0 … {input.shape[axis] - 1}, "
                f"got {target[missing][0].item()}"
            )
        return target


class CrossEntropyLoss(NLLLoss):
    """Cross-entropy of a choice among classes, from scores.

    -Σ_c w[c] q[c] log softmax(x)[c], where q is the true distribution: 1 for the true
    class if classes are given, or the given probabilities. Label smoothing takes a
    share ε of q and spreads it evenly: (1 - ε) q + ε / classes. Szegedy et al. (2016),
    §7. For given classes the mean is weighted as in :class:`NLLLoss`; for given
    probabilities it is the plain mean over the elements.

    Args:
        weight: w, a number for each class, ``(classes,)``; default 1.
        size_average: Only None; use ``reduction``.
        ignore_index: Elements with this target are left out; for given classes only.
        reduce: Only None; use ``reduction``.
        reduction: "none", "mean" or "sum".
        label_smoothing: ε, in [0, 1].

    Raises:
        ValueError: If ``label_smoothing`` is not in [0, 1].
        TypeError: If ``label_smoothing`` is not a number.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, ignore_index, reduce, reduction)
        check_share("label_smoothing", label_smoothing)
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare scores with the true classes, or with true probabilities.

        Args:
            input: Scores x, ``(batch, classes, ...)`` or ``(classes,)``.
            target: Classes, ``(batch, ...)`` or ``()``; or floating-point
                probabilities of the input's shape.

        Returns:
            Nats; one number, or the target's shape without classes for "none".

        Raises:
            ValueError: If the shapes do not match or a class does not exist.
            TypeError: If the target holds neither class numbers nor probabilities.
        """
        scores = self._checked_scores(input, target)
        log_probs = log_softmax(scores, _class_axis(scores))
        if target.is_floating_point():
            return self._from_probabilities(log_probs, full_precision(target))
        losses, weights = self._look_up(log_probs, target)
        loss = self._weighted_mean(losses, weights)
        if self.label_smoothing > 0:
            spread = self._cross_entropy(log_probs, log_probs.new_ones(()))
            spread = spread.masked_fill(target.long() == self.ignore_index, 0)
            share = self.label_smoothing / log_probs.shape[_class_axis(input)]
            loss = (1 - self.label_smoothing) * loss
            loss = loss + share * self._weighted_mean(spread, weights)
        return loss

    def _from_probabilities(self, log_probs: Tensor, target: Tensor) -> Tensor:
        check_same_shape(log_probs, target, "CrossEntropyLoss with probabilities")
        if self.ignore_index >= 0:
            raise ValueError(
                "CrossEntropyLoss: ignore_index needs classes as target, "
                "got probabilities"
            )
        share = self.label_smoothing / target.shape[_class_axis(target)]
        smooth = (1 - self.label_smoothing) * target + share
        return self.reduce_losses(self._cross_entropy(log_probs, smooth))

    def _cross_entropy(self, log_probs: Tensor, probs: Tensor) -> Tensor:
        """Sum -w q log p over the classes."""
        axis = _class_axis(log_probs)
        terms = probs * log_probs
        if self.weight is not None:
            terms = terms * self.weight.reshape(-1, *[1] * (log_probs.ndim - axis - 1))
        return -terms.sum(axis)


def _class_axis(input: Tensor) -> int:
    return 0 if input.ndim == 1 else 1
