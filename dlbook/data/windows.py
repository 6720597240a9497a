"""Cut a long text into windows, each with the token that follows at every place."""

from collections.abc import Sequence

import torch
from torch import Tensor


def text_windows(
    ids: Sequence[int] | Tensor, length: int, stride: int
) -> tuple[Tensor, Tensor]:
    """Cut windows out of a text, and the same windows one token later.

    The targets of a language model: ``targets[:, t]`` is the token after
    ``inputs[:, t]``. With ``stride=length`` every token is predicted at most once;
    with less, windows overlap. Tokens after the last whole window are left out.

    Args:
        ids: Token numbers ``(time,)``.
        length: Of a window, in tokens.
        stride: From the start of one window to that of the next, in tokens.

    Returns:
        Inputs and targets, each ``(windows, length)`` with
        ⌊(time - 1 - length) / stride⌋ + 1 windows. Both are views of one tensor, so
        that windows that overlap take no memory: copy them before changing them.

    Raises:
        ValueError: If ``ids`` is not one row, ``length`` or ``stride`` is not
            positive, or the text is too short for one window and the token after it.
    """
    row = torch.as_tensor(ids)
    if row.ndim != 1:
        raise ValueError(f"expected ids of shape (time,), got {tuple(row.shape)}")
    for name, value in (("length", length), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} must be positive, got {value}")
    if len(row) <= length:
        raise ValueError(
            f"windows of {length} tokens and the one after need a text of at least "
            f"{length + 1}, got {len(row)}"
        )
    inputs, targets = (part.unfold(0, length, stride) for part in (row[:-1], row[1:]))
    return inputs, targets
