"""Read a sequence of tokens and label it: as a whole, or token by token."""

import math
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlbook import nn
from dlbook.models.parts import real_tokens
from dlbook.nn.checks import check_integer, check_positive, shape_of

Reader = Literal["none", "cnn", "lstm", "transformer"]
"""How a token learns about its neighbours."""


class TokenEncoder(nn.Module):
    """Turn each token into a vector that may depend on its neighbours.

    An embedding, then one of: nothing; a convolution over a window and ReLU (Kim,
    2014); an LSTM from either side, of half the size each (Graves & Schmidhuber, 2005);
    or positions and one encoder layer of a Transformer with four heads, normalized
    before its parts. What stands at real tokens does not depend on the padding.

    Args:
        vocabulary_size: Number of tokens there are.
        d_model: Size of the vectors; a multiple of 4.
        reader: Which of these.
        kernel_size: Width of the convolution's window, odd; tokens.
        padding: The token that fills up sequences at their ends.

    Raises:
        ValueError: If a size is out of range, or there is no such reader.
    """

    def __init__(
        self,
        vocabulary_size: int,
        d_model: int = 32,
        reader: Reader = "lstm",
        kernel_size: int = 3,
        padding: int = 0,
    ) -> None:
        super().__init__()
        check_positive("vocabulary_size", vocabulary_size)
        if check_positive("d_model", d_model) % 4 != 0:
            raise ValueError(f"d_model must be a multiple of 4, got {d_model}")
        if check_integer("kernel_size", kernel_size) % 2 != 1 or kernel_size < 1:
            raise ValueError(f"kernel_size must be odd and positive, got {kernel_size}")
        self.padding = padding
        self.embedding = nn.Embedding(vocabulary_size, d_model, padding_idx=padding)
        self.reader: nn.Module
        if reader == "none":
            self.reader = nn.Identity()
        elif reader == "cnn":
            window = nn.Conv1d(d_model, d_model, kernel_size, padding=kernel_size // 2)
            self.reader = nn.Sequential(window, nn.ReLU())
        elif reader == "lstm":
            options: dict[str, Any] = {"batch_first": True, "bidirectional": True}
            self.reader = nn.LSTM(d_model, d_model // 2, **options)
        elif reader == "transformer":
            self.position = nn.SinusoidalPositionalEncoding(d_model)
            options = {"batch_first": True, "norm_first": True, "dropout": 0.0}
            self.reader = nn.TransformerEncoderLayer(d_model, 4, 2 * d_model, **options)
        else:
            raise ValueError(
                f"reader must be none, cnn, lstm or transformer, got {reader!r}"
            )
        self.kind = reader

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Read.

        Args:
            tokens: Numbers ``(batch, time)``, each sequence filled up at its end.

        Returns:
            Vectors ``(batch, time, d_model)``, zeros at the padding; and where real
            tokens stand, ``(batch, time)``, boolean.

        Raises:
            ValueError: If the shape is another, a sequence has no token, or padding
                stands before a token.
            TypeError: If the tokens are no integers.
        """
        real = real_tokens(tokens, self.padding)
        x = self.embedding(tokens)
        if self.kind == "cnn":
            x = self.reader(x.transpose(1, 2)).transpose(1, 2)
        elif self.kind == "lstm":
            lengths = real.sum(1).cpu()
            packed = pack_padded_sequence(x, lengths, True, enforce_sorted=False)
            states, _ = self.reader(packed)
            x, _ = pad_packed_sequence(states, True, total_length=tokens.shape[1])
        elif self.kind == "transformer":
            # Not times √d_model: each element's variance is 1 already, a position's ½.
            x = self.reader(self.position(x), src_key_padding_mask=~real)
        return x * real.unsqueeze(2), real


class TextClassifier(nn.Module):
    """Score the classes of a whole text: read it, pool over its tokens, map to scores.

    Args:
        vocabulary_size: Number of tokens there are.
        num_classes: Number of classes.
        d_model: See :class:`TokenEncoder`.
        reader: Likewise.
        pool: ``"mean"`` over the tokens, which can count, or ``"max"``, which can tell
            whether something occurs (Kim, 2014).
        kernel_size: See :class:`TokenEncoder`.
        padding: Likewise.

    Raises:
        ValueError: If a size is out of range, or there is no such reader or pool.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_classes: int,
        d_model: int = 32,
        reader: Reader = "lstm",
        pool: Literal["mean", "max"] = "mean",
        kernel_size: int = 3,
        padding: int = 0,
    ) -> None:
        super().__init__()
        if pool not in ("mean", "max"):
            raise ValueError(f"pool must be mean or max, got {pool!r}")
        self.encoder = TokenEncoder(
            vocabulary_size, d_model, reader, kernel_size, padding
        )
        self.pool = pool
        self.head = nn.Linear(d_model, check_positive("num_classes", num_classes))

    def forward(self, tokens: Tensor) -> Tensor:
        """Classify.

        Args:
            tokens: Numbers ``(batch, time)``, each sequence filled up at its end.

        Returns:
            Logits ``(batch, num_classes)``.
        """
        x, real = self.encoder(tokens)
        if self.pool == "mean":
            return self.head(x.sum(1) / real.sum(1, keepdim=True))
        return self.head(x.masked_fill(~real.unsqueeze(2), -math.inf).amax(1))


class Tagger(nn.Module):
    """Score the tags of every token.

    Args:
        vocabulary_size: Number of tokens there are.
        num_tags: Number of tags.
        d_model: See :class:`TokenEncoder`.
        reader: Likewise.
        kernel_size: Likewise.
        padding: Likewise.

    Raises:
        ValueError: If a size is out of range, or there is no such reader.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_tags: int,
        d_model: int = 32,
        reader: Reader = "lstm",
        kernel_size: int = 3,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.encoder = TokenEncoder(
            vocabulary_size, d_model, reader, kernel_size, padding
        )
        self.head = nn.Linear(d_model, check_positive("num_tags", num_tags))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tag.

        Args:
            tokens: Numbers ``(batch, time)``, each sequence filled up at its end.

        Returns:
            Logits ``(batch, time, num_tags)``; those at the padding mean nothing.
        """
        return self.head(self.encoder(tokens)[0])


def best_path(
    scores: Tensor, transitions: Tensor, start: Tensor | None = None
) -> list[int]:
    """Find the sequence of tags with the highest sum of scores and transitions.

    Viterbi (1967), as used by Lafferty, McCallum & Pereira (2001): the best way to end
    at step t with tag j is δ_t(j) = scores[t, j] + max_i (δ_{t-1}(i) + transitions[i,
    j]); then walk back. It takes time · tags² additions.

    Args:
        scores: ``(time, tags)``.
        transitions: ``(tags, tags)`` from row to column; minus infinity forbids.
        start: ``(tags,)``, added at the first step; default 0.

    Returns:
        A tag a step; of equally good ones, the one with the smaller last tags.

    Raises:
        ValueError: If a shape does not fit, or everything is forbidden.
    """
    time, tags = scores.shape if scores.ndim == 2 else (0, 0)
    if not time or transitions.shape != (tags, tags):
        raise ValueError(
            f"expected scores (time, tags) and transitions (tags, tags), got "
            f"{shape_of(scores)} and {shape_of(transitions)}"
        )
    if start is not None and start.shape != (tags,):
        raise ValueError(f"start must have shape ({tags},), got {shape_of(start)}")
    best = scores[0] if start is None else scores[0] + start
    came_from: list[Tensor] = []
    for step in scores[1:]:
        reached, source = (best.unsqueeze(1) + transitions).max(0)
        best = reached + step
        came_from.append(source)
    if best.max() == -math.inf:
        raise ValueError("every sequence of tags is forbidden")
    path = [int(best.argmax())]
    for source in reversed(came_from):
        path.append(int(source[path[-1]]))
    return path[::-1]


def bio_transitions(tags: list[str]) -> tuple[Tensor, Tensor]:
    """Forbid what BIO tags cannot mean: an ``I-`` goes on with a name of its type only.

    Ramshaw and Marcus (1995), in the variant where each name begins with ``B-``.

    Args:
        tags: ``"O"``, and ``"B-…"`` or ``"I-…"`` with a type.

    Returns:
        Transitions ``(tags, tags)`` and start ``(tags,)`` for :func:`best_path`: 0, or
        minus infinity where forbidden.

    Raises:
        ValueError: If a tag is of another form.
    """
    for tag in tags:
        if tag != "O" and not (tag.startswith(("B-", "I-")) and len(tag) > 2):
            raise ValueError(f"a tag must be O, B-type or I-type, got {tag!r}")

    def cost(before: str, tag: str) -> float:
        inside = tag.startswith("I-")
        return -math.inf if inside and before[2:] != tag[2:] else 0.0

    table = [[cost(before, tag) for tag in tags] for before in tags]
    return torch.tensor(table), torch.tensor([cost("O", tag) for tag in tags])
