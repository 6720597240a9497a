"""GPT: predict the next token from all before it, and write on from there."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.sampling import choose_token
from dlbook.nn import init
from dlbook.nn.checks import check_integer, check_not_negative, check_positive, shape_of


@dataclass
class KeyValueCache:
    """Keys and values of what a model has read, so that nothing is read twice.

    Attributes:
        keys: One tensor a layer, ``(batch, heads, time, head_dim)``.
        values: Likewise.
    """

    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the tokens that were read."""
        return self.keys[0].shape[2] if self.keys else 0

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append to one layer's keys and values.

        Args:
            layer: Its number.
            key: ``(batch, heads, time, head_dim)``.
            value: Likewise.

        Returns:
            All keys and all values so far.
        """
        if layer in self.keys:
            key = torch.cat([self.keys[layer], key], dim=2)
            value = torch.cat([self.values[layer], value], dim=2)
        self.keys[layer], self.values[layer] = key, value
        return key, value


class CausalSelfAttention(nn.Module):
    """Let each token look at itself and at those before it.

    Args:
        d_model: Size of the elements.
        num_heads: Number of heads.
        dropout: The probability of silencing a weight in training mode.
        bias: Whether the projections have biases.
        rotary: Whether queries and keys are turned by their positions.
        layer: The layer's number, by which it finds its part of a cache.

    Raises:
        ValueError: If a size is below one, or ``d_model`` no multiple of ``num_heads``.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = False,
        rotary: bool = False,
        layer: int = 0,
    ) -> None:
        super().__init__()
        check_positive("d_model", d_model)
        if d_model % check_positive("num_heads", num_heads) != 0:
            raise ValueError(
                f"d_model must be a multiple of num_heads, got {d_model} and "
                f"{num_heads}"
            )
        self.num_heads = num_heads
        self.layer = layer
        self.project_in = nn.Linear(d_model, 3 * d_model, bias)
        self.attend = nn.DotProductAttention(dropout)
        self.project_out = nn.Linear(d_model, d_model, bias)
        size = d_model // num_heads
        self.rotary = nn.RotaryPositionalEncoding(size) if rotary else None

    def forward(self, input: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Attend.

        Args:
            input: ``(batch, time, d_model)``.
            cache: What was read before; extended by ``input``.

        Returns:
            Same shape.
        """
        split = self.project_in(input).unflatten(2, (3, self.num_heads, -1))
        queries_and_keys, value = split.transpose(1, 3).split([2, 1], dim=2)
        # each (batch, heads, 2 or 1, time, head_dim)
        if self.rotary is not None:
            offset = 0 if cache is None else self._read(cache)
            queries_and_keys = self.rotary(queries_and_keys, offset)
        query, key = queries_and_keys.unbind(2)
        value = value.squeeze(2)
        if cache is not None:
            key, value = cache.extend(self.layer, key, value)
        mixed = self._look_back(query, key, value)
        return self.project_out(mixed.transpose(1, 2).flatten(2))

    def _read(self, cache: KeyValueCache) -> int:
        return cache.keys[self.layer].shape[2] if self.layer in cache.keys else 0

    def _look_back(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        asked, known = query.shape[2], key.shape[2]
        if asked == known:
            return self.attend(query, key, value, is_causal=True)
        everything = torch.ones(asked, known, dtype=torch.bool, device=query.device)
        return self.attend(query, key, value, everything.tril(known - asked))


class GPTBlock(nn.Module):
    """Look back, then think: both add to what passes, normalized before.

    Args:
        d_model: Size of the elements.
        num_heads: Number of heads.
        dropout: The probability of silencing an element in training mode.
        bias: Whether affine maps and normalizations have biases.
        rotary: Whether queries and keys are turned by their positions.
        layer: The block's number.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = False,
        rotary: bool = False,
        layer: int = 0,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(d_model, bias=bias)
        self.attention = CausalSelfAttention(
            d_model, num_heads, dropout, bias, rotary, layer
        )
        self.norm2 = nn.LayerNorm(d_model, bias=bias)
        self.feed_forward = nn.Sequential(
            nn.Linear(d_model, 4 * d_model, bias),
            nn.GELU(),
            nn.Linear(4 * d_model, d_model, bias),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, input: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Transform ``(batch, time, d_model)`` to the same shape."""
        x = input + self.dropout(self.attention(self.norm1(input), cache))
        return x + self.dropout(self.feed_forward(self.norm2(x)))


class GPT(nn.Module):
    """A Transformer that reads from left to right and predicts each next token.

    Radford et al. (2018, 2019): a decoder without an encoder, normalizations before
    each part and at the end, the output layer's weight tied to the embedding's (Press &
    Wolf, 2017). All matrices start normal with standard deviation 0.02, those that add
    to the residual stream divided by √(2 · num_layers).

    Args:
        vocabulary_size: Number of tokens there are.
        context: Longest sequence it can read.
        d_model: Size of the elements.
        num_heads: Number of heads.
        num_layers: Number of blocks.
        dropout: The probability of silencing an element in training mode.
        bias: Whether affine maps and normalizations have biases.
        rotary: Turn queries and keys by their positions (Su et al., 2021), instead of
            adding learned positions.

    Raises:
        ValueError: If a size is below one, or ``d_model`` no multiple of ``num_heads``.
    """

    def __init__(
        self,
        vocabulary_size: int,
        context: int,
        d_model: int = 128,
        num_heads: int = 4,
        num_layers: int = 4,
        dropout: float = 0.0,
        bias: bool = False,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        self.vocabulary_size = check_positive("vocabulary_size", vocabulary_size)
        self.context = check_positive("context", context)
        self.embedding = nn.Embedding(vocabulary_size, d_model)
        self.position = (
            None if rotary else nn.LearnedPositionalEncoding(context, d_model)
        )
        self.dropout = nn.Dropout(dropout)
        options = (d_model, num_heads, dropout, bias, rotary)
        blocks = (GPTBlock(*options, layer) for layer in range(num_layers))
        check_positive("num_layers", num_layers)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(d_model, bias=bias)
        self.head = nn.Linear(d_model, vocabulary_size, bias=False)
        self.head.weight = self.embedding.weight
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        to_stream = 0.02 / (2 * len(self.blocks)) ** 0.5
        for name, parameter in self.named_parameters():
            adds = name.endswith(("project_out.weight", "feed_forward.2.weight"))
            if parameter.ndim > 1:
                init.normal_(parameter, std=to_stream if adds else 0.02)
            elif name.endswith("bias"):
                init.zeros_(parameter)

    def forward(self, tokens: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Score the next token at every place.

        Args:
            tokens: Numbers ``(batch, time)``.
            cache: What was read before ``tokens``; extended by them.

        Returns:
            Logits ``(batch, time, vocabulary_size)``.

        Raises:
            ValueError: If the shape is another, the sequence longer than ``context``,
                or a token unknown.
            TypeError: If the tokens are no integers.
        """
        read = 0 if cache is None else len(cache)
        if tokens.ndim != 2 or not 1 <= tokens.shape[1] <= self.context - read:
            raise ValueError(
                f"GPT expects tokens of shape (batch, time), time from 1 to "
                f"{self.context - read}, got {shape_of(tokens)}"
            )
        x = self.embedding(tokens)
        if self.position is not None:
            x = self.position(x, read)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, cache)
        return self.head(self.norm(x))

    @torch.no_grad()
    def generate(
        self,
        tokens: Tensor,
        count: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
        use_cache: bool = True,
    ) -> Tensor:
        """Write on, token by token.

        With the cache each step reads one token, until ``context`` is full; from then
        on, as without it, each step reads the last ``context`` tokens anew. Both write
        the same. Call ``eval()`` first, or dropout acts.

        Args:
            tokens: The beginning, ``(batch, time)``.
            count: Number of tokens to write.
            temperature: See :func:`~dlbook.models.choose_token`.
            top_k: Likewise.
            top_p: Likewise.
            generator: Draws; default torch's own.
            use_cache: Keep keys and values instead of computing them again.

        Returns:
            The beginning and what was written, ``(batch, time + count)``.

        Raises:
            ValueError: If there is no beginning, or an option is out of range.
        """
        check_not_negative("count", check_integer("count", count))
        options = (temperature, top_k, top_p, generator)
        cache = KeyValueCache() if use_cache else None
        for _ in range(count):
            if cache is None or tokens.shape[1] > self.context:
                scores = self(tokens[:, -self.context :])
            else:
                scores = self(tokens[:, len(cache) :], cache)
            token = choose_token(scores[:, -1], *options)
            tokens = torch.cat([tokens, token.unsqueeze(1)], dim=1)
        return tokens
