"""Judge scores of the next token, at every place of every sequence."""

from torch import Tensor

from dlbook import nn

IGNORED = -100  # the default of nn.CrossEntropyLoss and of torch's


def token_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Average the cross-entropy over all tokens of a batch.

    Args:
        outputs: Scores ``(batch, time, vocabulary)``.
        targets: Token numbers ``(batch, time)``; -100 is left out.

    Returns:
        One number, nats.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check(outputs, targets, "token_loss")
    return nn.CrossEntropyLoss()(outputs.flatten(0, 1), targets.flatten())


def token_accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Measure how often the highest score is that of the right token.

    Args:
        outputs: Scores ``(batch, time, vocabulary)``.
        targets: Token numbers ``(batch, time)``; -100 is left out.

    Returns:
        Share of right predictions, 0 … 1; NaN without any target.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _check(outputs, targets, "token_accuracy")
    right = (outputs.argmax(dim=2) == targets)[targets != IGNORED]
    return right.double().mean().item()


def _check(outputs: Tensor, targets: Tensor, name: str) -> None:
    if outputs.ndim != 3 or outputs.shape[:2] != targets.shape:
        raise ValueError(
            f"{name} compares scores (batch, time, vocabulary) with tokens "
            f"(batch, time), got {tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
