"""Sequence to sequence without recurrence: the Transformer as a translator."""

from typing import Literal

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.parts import real_tokens
from dlbook.models.seq2seq import Memory
from dlbook.nn.checks import check_positive


class Seq2SeqTransformer(nn.Module):
    """Read with a Transformer's encoder, write with its decoder.

    Vaswani et al. (2017), §3: embeddings, positions, both stacks and the map to scores.
    A target sees itself only up to the token in hand; nobody sees the source's padding.
    Embeddings start with a standard deviation of one, are not multiplied by the root
    of ``d_model`` (§3.4), and share nothing with each other or with the last map.

    Args:
        source_size: Number of tokens of the source's language.
        target_size: Number of tokens of the target's.
        d_model: Size of the elements, a multiple of ``num_heads`` and even.
        num_heads: Heads of each attention.
        num_layers: Layers of the encoder, and of the decoder.
        dim_feedforward: Hidden units of each layer's network; default ``4 * d_model``.
        dropout: The probability of silencing an element in training mode.
        positions: ``"sinusoidal"``, ``"learned"`` or ``"none"``.
        max_length: Longest source and target, tokens; no limit without positions.
        norm_first: Whether to normalize before each part instead of after each sum
            (Xiong et al., 2020); either way once more at the end of each stack.
        padding: The token that fills up sequences at their ends.

    Raises:
        ValueError: If a size is out of range, or there are no such positions.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        d_model: int = 64,
        num_heads: int = 4,
        num_layers: int = 2,
        dim_feedforward: int | None = None,
        dropout: float = 0.0,
        positions: Literal["sinusoidal", "learned", "none"] = "sinusoidal",
        max_length: int = 64,
        norm_first: bool = True,
        padding: int = 0,
    ) -> None:
        super().__init__()
        check_positive("d_model", d_model)
        self.padding = padding
        self.source_embedding = nn.Embedding(
            check_positive("source_size", source_size), d_model
        )
        self.target_embedding = nn.Embedding(
            check_positive("target_size", target_size), d_model
        )
        self.source_position = _positions(positions, d_model, max_length)
        self.target_position = _positions(positions, d_model, max_length)
        self.dropout = nn.Dropout(dropout)
        self.transformer = nn.Transformer(
            d_model,
            num_heads,
            num_layers,
            num_layers,
            4 * d_model if dim_feedforward is None else dim_feedforward,
            dropout,
            batch_first=True,
            norm_first=norm_first,
        )
        self.head = nn.Linear(d_model, target_size)

    def encode(self, source: Tensor) -> Memory:
        """Read sources.

        Args:
            source: Token numbers ``(batch, time_s)``, filled up at their ends.

        Returns:
            The encoder's output ``(batch, time_s, d_model)``, and where padding stands,
            ``(batch, time_s)``: True is padding.

        Raises:
            ValueError: If the shape is another, a source has no token or too many, or
                padding stands before a token.
            TypeError: If the tokens are no integers.
        """
        padded = ~real_tokens(source, self.padding)
        x = self.dropout(self.source_position(self.source_embedding(source)))
        return self.transformer.encoder(x, src_key_padding_mask=padded), padded

    def decode(self, decoder_input: Tensor, memory: Memory) -> Tensor:
        """Score the next token after every token of the target.

        Args:
            decoder_input: Token numbers ``(batch, time_t)``, beginning with the token
                that starts a sentence.
            memory: What :meth:`encode` gave.

        Returns:
            Logits ``(batch, time_t, target_size)``.

        Raises:
            ValueError: If a shape does not fit, or the target is too long.
            TypeError: If the tokens are no integers.
        """
        encoded, padded = memory
        x = self.dropout(self.target_position(self.target_embedding(decoder_input)))
        length, device = decoder_input.shape[1], decoder_input.device
        later = torch.ones(length, length, dtype=torch.bool, device=device).triu(1)
        x = self.transformer.decoder(
            x, encoded, later, memory_key_padding_mask=padded, tgt_is_causal=True
        )
        return self.head(x)

    def forward(self, source: Tensor, decoder_input: Tensor) -> Tensor:
        """Score the tokens of known targets: ``decode(decoder_input, encode(source))``.

        Args:
            source: Token numbers ``(batch, time_s)``.
            decoder_input: Token numbers ``(batch, time_t)``.

        Returns:
            Logits ``(batch, time_t, target_size)``.
        """
        return self.decode(decoder_input, self.encode(source))


def _positions(kind: str, d_model: int, max_length: int) -> nn.Module:
    if kind == "sinusoidal":
        return nn.SinusoidalPositionalEncoding(d_model, max_length)
    if kind == "learned":
        return nn.LearnedPositionalEncoding(max_length, d_model)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"positions must be sinusoidal, learned or none, got {kind!r}")
