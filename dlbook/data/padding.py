"""Put sequences of different lengths into one tensor, wasting little of it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def pad(
    sequences: Sequence[Sequence[int] | Tensor], value: int
) -> tuple[Tensor, Tensor]:
    """Fill up sequences at their ends until all are as long as the longest.

    Args:
        sequences: One or more rows of token numbers.
        value: Fills; a number of its own, say that of ``"<pad>"``, keeps it apart from
            the tokens.

    Returns:
        The sequences ``(batch, time)``, int64, and their lengths ``(batch,)``, int64.

    Raises:
        ValueError: If there is no sequence, or one is not a row.
        TypeError: If a sequence is not of integers.
    """
    if not len(sequences):
        raise ValueError("expected at least one sequence, got none")
    rows = [
        torch.as_tensor(row) if len(row) else torch.zeros(0, dtype=torch.int64)
        for row in sequences
    ]
    for place, row in enumerate(rows):
        if row.ndim != 1:
            raise ValueError(
                f"sequence {place} must have shape (time,), got {tuple(row.shape)}"
            )
        if row.is_floating_point() or row.is_complex():
            raise TypeError(f"sequence {place} must hold integers, got {row.dtype}")
    lengths = torch.tensor([len(row) for row in rows])
    filled = pad_sequence([row.long() for row in rows], True, value)
    return filled, lengths


def buckets(
    lengths: Sequence[int] | Tensor, batch_size: int, generator: torch.Generator
) -> list[Tensor]:
    """Deal sequences into batches of about equal length, in random order.

    Sequences are sorted by length, those of one length at random; every
    ``batch_size`` of them in a row make a batch, and the batches are shuffled. So
    little of a padded batch is padding, yet every epoch sees other batches.

    Args:
        lengths: Of every sequence, ``(n,)``.
        batch_size: Sequences a batch; the batch of the longest may have fewer.
        generator: Decides the order; on the CPU.

    Returns:
        The places of every batch's sequences, int64; each place is in one batch.

    Raises:
        ValueError: If ``batch_size`` is not positive, or ``lengths`` is not one row.
    """
    sizes = torch.as_tensor(lengths)
    if sizes.ndim != 1:
        raise ValueError(f"expected lengths of shape (n,), got {tuple(sizes.shape)}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, got {batch_size}")
    if not len(sizes):
        return []
    shuffled = torch.randperm(len(sizes), generator=generator)
    by_length = shuffled[sizes.cpu()[shuffled].argsort(stable=True)]
    batches = by_length.split(batch_size)
    order = torch.randperm(len(batches), generator=generator)
    return [batches[place] for place in order.tolist()]
