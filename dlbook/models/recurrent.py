"""Recurrent networks: one that writes text, one that foretells a series."""

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.sampling import choose_token
from dlbook.nn.checks import check_integer, check_not_negative, check_positive, shape_of
from dlbook.nn.recurrence import Recurrence

Memory = Tensor | tuple[Tensor, Tensor]
"""What a recurrent layer carries from step to step: h, or h and c."""


class CharRNN(nn.Module):
    """Read a text from left to right, and score at every place what comes next.

    An embedding, recurrent layers, and an affine map from the state to one score a
    token; Elman (1990), Mikolov et al. (2010). The tokens may be characters or others.

    Args:
        vocabulary_size: Number of tokens there are.
        embed_dim: Size of the vector that stands for a token.
        hidden_size: Size of the state.
        num_layers: Number of recurrent layers.
        layer: :class:`~dlbook.nn.RNN`, :class:`~dlbook.nn.LSTM` or
            :class:`~dlbook.nn.GRU`.
        dropout: The probability of silencing an element between recurrent layers.

    Attributes:
        embedding: The vectors of the tokens.
        recurrence: The recurrent layers.
        head: The map to the scores.

    Raises:
        ValueError: If a size is below one, or ``dropout`` not in [0, 1] or set with one
            layer.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embed_dim: int = 32,
        hidden_size: int = 128,
        num_layers: int = 1,
        layer: type[Recurrence] = nn.RNN,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.vocabulary_size = check_positive("vocabulary_size", vocabulary_size)
        self.embedding = nn.Embedding(
            vocabulary_size, check_positive("embed_dim", embed_dim)
        )
        self.recurrence = layer(
            embed_dim, hidden_size, num_layers, batch_first=True, dropout=dropout
        )
        self.head = nn.Linear(hidden_size, vocabulary_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the next token at every place, starting from an empty memory.

        Args:
            tokens: Numbers ``(batch, time)``.

        Returns:
            Logits ``(batch, time, vocabulary_size)``.

        Raises:
            ValueError: If the shape is another, or a token unknown.
            TypeError: If the tokens are no integers.
        """
        return self.read(tokens)[0]

    def read(
        self, tokens: Tensor, memory: Memory | None = None
    ) -> tuple[Tensor, Memory]:
        """Score the next token at every place, and give the memory to read on with.

        Args:
            tokens: Numbers ``(batch, time)``.
            memory: What this gave for the tokens before; default zeros.

        Returns:
            Logits ``(batch, time, vocabulary_size)``, and the memory after the last
            token: h ``(num_layers, batch, hidden_size)``, or h and c.

        Raises:
            ValueError: If a shape is another, or a token unknown.
            TypeError: If the tokens are no integers.
        """
        if tokens.ndim != 2 or tokens.shape[1] < 1:
            raise ValueError(
                "CharRNN expects tokens of shape (batch, time) with at least one step, "
                f"got {shape_of(tokens)}"
            )
        states, memory = self.recurrence(self.embedding(tokens), memory)
        return self.head(states), memory

    @torch.no_grad()
    def generate(
        self,
        tokens: Tensor,
        count: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Write on, token by token; each step reads one. Call ``eval()`` first.

        Args:
            tokens: The beginning, ``(batch, time)``.
            count: Number of tokens to write.
            temperature: See :func:`~dlbook.models.choose_token`.
            top_k: Likewise.
            top_p: Likewise.
            generator: Draws; default torch's own.

        Returns:
            The beginning and what was written, ``(batch, time + count)``.

        Raises:
            ValueError: If there is no beginning, or an option is out of range.
        """
        check_not_negative("count", check_integer("count", count))
        options = (temperature, top_k, top_p, generator)
        written, memory = [tokens], None
        for _ in range(count):
            scores, memory = self.read(written[-1], memory)
            written.append(choose_token(scores[:, -1], *options).unsqueeze(1))
        return torch.cat(written, dim=1)


class Forecaster(nn.Module):
    """Read a window of a series, and foretell the next values from the last state.

    Recurrent layers, and an affine map from the state after the last step.

    Args:
        input_size: Numbers a step.
        hidden_size: Size of the state.
        horizon: How many values to foretell.
        num_layers: Number of recurrent layers.
        layer: :class:`~dlbook.nn.RNN`, :class:`~dlbook.nn.LSTM` or
            :class:`~dlbook.nn.GRU`.

    Attributes:
        recurrence: The recurrent layers.
        head: The map to the values.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        input_size: int = 1,
        hidden_size: int = 32,
        horizon: int = 1,
        num_layers: int = 1,
        layer: type[Recurrence] = nn.RNN,
    ) -> None:
        super().__init__()
        self.input_size = check_positive("input_size", input_size)
        self.recurrence = layer(input_size, hidden_size, num_layers, batch_first=True)
        self.head = nn.Linear(hidden_size, check_positive("horizon", horizon))

    def forward(self, input: Tensor) -> Tensor:
        """Foretell what follows each window.

        Args:
            input: ``(batch, time, input_size)``.

        Returns:
            ``(batch, horizon)``.

        Raises:
            ValueError: If the shape is another.
        """
        expected = input.ndim == 3 and input.shape[2] == self.input_size
        if not expected or input.shape[1] < 1:
            raise ValueError(
                f"Forecaster expects input of shape (batch, time, {self.input_size}) "
                f"with at least one step, got {shape_of(input)}"
            )
        states, _ = self.recurrence(input)
        return self.head(states[:, -1])
