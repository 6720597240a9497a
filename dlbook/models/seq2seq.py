"""Sequence to sequence: read a sentence, then write another one."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlbook import nn
from dlbook.models.parts import real_tokens
from dlbook.nn.checks import check_positive

Memory = tuple[Tensor, ...]
"""What a decoder sees of the source; the first axis of each tensor is the batch."""


class Seq2Seq(nn.Module):
    """Read with one recurrent network, write with another that may look back.

    A GRU reads the source from either side, half of the state each (Cho et al., 2014;
    Bahdanau et al., 2015, §3.2). Its last states, through an affine map and tanh, are
    the first state of a second GRU, which reads what has been written so far. Each
    state h of it asks the encoder's states, and scores come from tanh(W [context; h]):
    Luong et al. (2015), §3.1, eq. (5) and (6), without their input feeding, so that all
    steps of a known target are computed at once. Without attention the scores come from
    h, and all that is known of the source is in the first state (Sutskever et al.,
    2014).

    Args:
        source_size: Number of tokens of the source's language.
        target_size: Number of tokens of the target's.
        d_model: Size of the vectors that stand for tokens.
        hidden_size: Size of the states, even.
        attention: ``"additive"`` (:class:`~dlbook.nn.AdditiveAttention`), ``"dot"``
            (:class:`~dlbook.nn.DotProductAttention`) or ``"none"``.
        padding: The token that fills up sources at their ends.

    Raises:
        ValueError: If a size is out of range, or there is no such attention.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        d_model: int = 64,
        hidden_size: int = 128,
        attention: Literal["additive", "dot", "none"] = "additive",
        padding: int = 0,
    ) -> None:
        super().__init__()
        if check_positive("hidden_size", hidden_size) % 2 != 0:
            raise ValueError(f"hidden_size must be even, got {hidden_size}")
        if attention not in ("additive", "dot", "none"):
            raise ValueError(
                f"attention must be additive, dot or none, got {attention!r}"
            )
        self.padding = padding
        self.source_embedding = nn.Embedding(
            check_positive("source_size", source_size),
            check_positive("d_model", d_model),
        )
        self.target_embedding = nn.Embedding(
            check_positive("target_size", target_size), d_model
        )
        options: dict[str, Any] = {"batch_first": True, "bidirectional": True}
        self.encoder = nn.GRU(d_model, hidden_size // 2, **options)
        self.first_state = nn.Linear(hidden_size, hidden_size)
        self.decoder = nn.GRU(d_model, hidden_size, batch_first=True)
        self.attention: nn.AdditiveAttention | nn.DotProductAttention | None = None
        if attention == "additive":
            self.attention = nn.AdditiveAttention(*[hidden_size] * 3)
        elif attention == "dot":
            self.attention = nn.DotProductAttention()
        if self.attention is not None:
            self.combine = nn.Linear(2 * hidden_size, hidden_size)
        self.head = nn.Linear(hidden_size, target_size)

    def encode(self, source: Tensor) -> Memory:
        """Read sources.

        Args:
            source: Token numbers ``(batch, time_s)``, filled up at their ends.

        Returns:
            The encoder's states ``(batch, time_s, hidden_size)``, the decoder's first
            state ``(batch, hidden_size)``, and where real tokens stand, ``(batch,
            time_s)``.

        Raises:
            ValueError: If the shape is another, a source has no token, or padding
                stands before a token.
            TypeError: If the tokens are no integers.
        """
        real = real_tokens(source, self.padding)
        packed = pack_padded_sequence(
            self.source_embedding(source),
            real.sum(1).cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        states, last = self.encoder(packed)
        states, _ = pad_packed_sequence(states, True, total_length=source.shape[1])
        first = self.first_state(last.transpose(0, 1).flatten(1)).tanh()
        return states, first, real

    def decode(self, decoder_input: Tensor, memory: Memory) -> Tensor:
        """Score the next token after every token of the target.

        Args:
            decoder_input: Token numbers ``(batch, time_t)``, beginning with the token
                that starts a sentence.
            memory: What :meth:`encode` gave.

        Returns:
            Logits ``(batch, time_t, target_size)``.

        Raises:
            ValueError: If a shape does not fit.
            TypeError: If the tokens are no integers.
        """
        states, _, real = memory
        asking = self._decoder_states(decoder_input, memory)
        if self.attention is None:
            return self.head(asking)
        found = self.attention(asking, states, states, real.unsqueeze(1))
        context = found[0] if isinstance(found, tuple) else found
        return self.head(self.combine(torch.cat([context, asking], dim=2)).tanh())

    def forward(self, source: Tensor, decoder_input: Tensor) -> Tensor:
        """Score the tokens of known targets: ``decode(decoder_input, encode(source))``.

        Args:
            source: Token numbers ``(batch, time_s)``.
            decoder_input: Token numbers ``(batch, time_t)``.

        Returns:
            Logits ``(batch, time_t, target_size)``.
        """
        return self.decode(decoder_input, self.encode(source))

    @torch.no_grad()
    def attention_weights(self, source: Tensor, decoder_input: Tensor) -> Tensor:
        """Say how strongly each step of the decoder looks at each token of the source.

        Args:
            source: Token numbers ``(batch, time_s)``.
            decoder_input: Token numbers ``(batch, time_t)``.

        Returns:
            ``(batch, time_t, time_s)``, summing to 1 over the source.

        Raises:
            ValueError: If the network has no attention, or a shape does not fit.
        """
        if self.attention is None:
            raise ValueError("this network was built with attention='none'")
        memory = self.encode(source)
        states, _, real = memory
        asking = self._decoder_states(decoder_input, memory)
        if isinstance(self.attention, nn.AdditiveAttention):
            return self.attention(asking, states, states, real.unsqueeze(1))[1]
        return nn.attention_weights(asking, states, real.unsqueeze(1))

    def _decoder_states(self, decoder_input: Tensor, memory: Memory) -> Tensor:
        x = self.target_embedding(decoder_input)
        states: Tensor = self.decoder(x, memory[1].unsqueeze(0))[0]
        return states
