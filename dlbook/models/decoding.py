"""Write a translation token by token: the best token, or the best of several ways."""

from typing import Protocol

import torch
from torch import Tensor

from dlbook.models.seq2seq import Memory
from dlbook.nn.activations import log_softmax
from dlbook.nn.checks import check_not_negative, check_positive


class EncoderDecoder(Protocol):
    """What reads sources and scores the next token of targets."""

    def encode(self, source: Tensor) -> Memory:
        """Read sources; see :meth:`dlbook.models.Seq2Seq.encode`."""
        ...

    def decode(self, decoder_input: Tensor, memory: Memory) -> Tensor:
        """Score the next tokens; see :meth:`dlbook.models.Seq2Seq.decode`."""
        ...


@torch.no_grad()
def greedy_search(
    model: EncoderDecoder,
    source: Tensor,
    max_length: int,
    start: int = 1,
    end: int = 2,
) -> list[list[int]]:
    """Translate by taking the most probable token at every step.

    Call ``model.eval()`` first. Each step reads again all that is written.

    Args:
        model: Such as :class:`~dlbook.models.Seq2Seq`.
        source: Token numbers ``(batch, time)``, filled up at their ends.
        max_length: Most tokens of a translation, the end included.
        start: The token that starts a sentence.
        end: The token that ends it.

    Returns:
        For each source the tokens between start and end.

    Raises:
        ValueError: If ``max_length`` is not positive.
    """
    check_positive("max_length", max_length)
    memory = model.encode(source)
    written = source.new_full((len(source), 1), start)
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(max_length):
        best = model.decode(written, memory)[:, -1].argmax(1)
        written = torch.cat([written, best.unsqueeze(1)], dim=1)
        ended |= best == end
        if ended.all():
            break
    return [_sentence(row, end) for row in written.tolist()]


@torch.no_grad()
def beam_search(
    model: EncoderDecoder,
    source: Tensor,
    max_length: int,
    beam_width: int = 4,
    length_penalty: float = 0.0,
    start: int = 1,
    end: int = 2,
) -> list[list[int]]:
    """Translate by keeping, at every step, the few most probable ways to go on.

    Sutskever et al. (2014), §3.2. Ways are compared by their log-probability divided by
    their length, the end included, to the power of ``length_penalty`` (a simple form of
    Wu et al., 2016, §7); an ended way keeps its place as long as no better ones push it
    out. With a width of 1 this is :func:`greedy_search`. Call ``model.eval()`` first.

    Args:
        model: Such as :class:`~dlbook.models.Seq2Seq`.
        source: Token numbers ``(batch, time)``, filled up at their ends.
        max_length: Most tokens of a translation, the end included.
        beam_width: How many ways to keep.
        length_penalty: 0 favours short translations; 1 compares means over the tokens.
        start: The token that starts a sentence.
        end: The token that ends it.

    Returns:
        For each source the tokens between start and end of the best way.

    Raises:
        ValueError: If ``max_length`` or ``beam_width`` is not positive, or
            ``length_penalty`` negative.
    """
    check_positive("max_length", max_length)
    check_positive("beam_width", beam_width)
    check_not_negative("length_penalty", length_penalty)
    batch, device = len(source), source.device
    memory = tuple(m.repeat_interleave(beam_width, 0) for m in model.encode(source))
    rows = torch.arange(batch, device=device).unsqueeze(1) * beam_width
    written = source.new_full((batch * beam_width, 1), start)
    total = torch.full((batch, beam_width), -torch.inf, device=device)
    total[:, 0] = 0  # all ways are one at first
    length = torch.ones(batch, beam_width, device=device)
    ended = torch.zeros(batch, beam_width, dtype=torch.bool, device=device)
    for _ in range(max_length):
        scores = log_softmax(model.decode(written, memory)[:, -1].float(), 1)
        scores = scores.unflatten(0, (batch, beam_width))
        scores[ended] = -torch.inf
        scores[..., end] = scores[..., end].masked_fill(ended, 0)  # stays as it is
        totals = total.unsqueeze(2) + scores
        keys = totals / length.unsqueeze(2) ** length_penalty
        best = keys.flatten(1).topk(beam_width, dim=1).indices
        parent, token = best // scores.shape[2], best % scores.shape[2]
        total = totals.flatten(1).gather(1, best)
        written = torch.cat(
            [written[(rows + parent).flatten()], token.reshape(-1, 1)], dim=1
        )
        ended = ended.gather(1, parent) | (token == end)
        length = length.gather(1, parent) + ~ended
        if ended.all():
            break
    first = written.unflatten(0, (batch, beam_width))[:, 0]
    return [_sentence(row, end) for row in first.tolist()]


def _sentence(tokens: list[int], end: int) -> list[int]:
    """Cut what stands between the start and the first end."""
    body = tokens[1:]
    return body[: body.index(end)] if end in body else body
