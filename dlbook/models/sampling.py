"""Choose the next token from scores: the best one, or one drawn by chance."""

import math

import torch
from torch import Tensor

from dlbook.nn.activations import softmax
from dlbook.nn.checks import (
    check_floating,
    check_integer,
    check_not_negative,
    check_positive,
    shape_of,
)


def token_probabilities(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Turn scores into the probabilities that a text is drawn from.

    softmax(logits / temperature), then only the ``top_k`` most probable tokens (Fan et
    al., 2018, §5.4), then only the fewest that together have at least ``top_p`` of what
    is left (nucleus sampling; Holtzman et al., 2020, §3.1); the rest sums to 1 again.

    Args:
        logits: ``(batch, vocabulary)``.
        temperature: Below 1 makes probable tokens more probable; 0 leaves the best one.
        top_k: How many tokens to keep; None for all. Ties are kept.
        top_p: Which share of the probability to keep; None for all.

    Returns:
        Same shape; non-negative, summing to 1.

    Raises:
        ValueError: If the shape is another, ``temperature`` negative, ``top_k`` below
            one, or ``top_p`` not in (0, 1].
        TypeError: If the logits are not floating-point.
    """
    check_floating(logits, "token_probabilities", "logits")
    if logits.ndim != 2:
        raise ValueError(
            f"logits must have shape (batch, vocabulary), got {shape_of(logits)}"
        )
    check_not_negative("temperature", temperature)
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must lie in (0, 1], got {top_p}")
    if top_k is not None:
        check_positive("top_k", check_integer("top_k", top_k))
    if temperature == 0:
        best = logits.argmax(1, keepdim=True)
        return torch.zeros_like(logits).scatter_(1, best, 1.0)
    if top_k is not None:
        kept = min(top_k, logits.shape[1])
        least = logits.topk(kept, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    probabilities = softmax(logits / temperature, 1)
    return probabilities if top_p is None else _nucleus(probabilities, top_p)


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    ordered, tokens = probabilities.sort(dim=1, descending=True)
    before = ordered.cumsum(1) - ordered  # what the more probable tokens sum to
    ordered = ordered.masked_fill(before >= top_p, 0)
    kept = torch.zeros_like(probabilities).scatter_(1, tokens, ordered)
    return kept / kept.sum(1, keepdim=True)


def choose_token(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw the next token; see :func:`token_probabilities`.

    Args:
        logits: ``(batch, vocabulary)``.
        temperature: 0 takes the best one, without chance.
        top_k: How many tokens to choose from.
        top_p: Which share of the probability to choose from.
        generator: Draws; default torch's own.

    Returns:
        Token numbers ``(batch,)``.

    Raises:
        ValueError: If the shape or an option is out of range.
        TypeError: If the logits are not floating-point.
    """
    probabilities = token_probabilities(logits, temperature, top_k, top_p)
    if temperature == 0:
        return probabilities.argmax(1)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
