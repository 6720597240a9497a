"""The two kinds of layer of which a Transformer is made."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.activations import GELU, ReLU
from dlbook.nn.checks import check_choice, check_positive
from dlbook.nn.dropout import Dropout
from dlbook.nn.linear import Linear
from dlbook.nn.multihead_attention import MultiheadAttention
from dlbook.nn.normalization import LayerNorm

Activation = str | Callable[[Tensor], Tensor]


class TransformerLayer(Module):
    """What encoder and decoder layers share: self-attention and a small network.

    Args:
        d_model: Size of the elements.
        nhead: Number of heads.
        dim_feedforward: Hidden units of the network.
        dropout: The probability of silencing an element in training mode, after each
            part, inside the network and among the weights of the attention.
        activation: "relu", "gelu", or a function.
        layer_norm_eps: Added to the variance by the normalizations.
        batch_first: Whether batches are ``(batch, time, d_model)``.
        norm_first: Whether to normalize before each part instead of after the sum.
        bias: Whether affine maps and normalizations have biases.
        device: Where the parameters live.
        dtype: Their type.

    Raises:
        ValueError: If a size is below one, ``d_model`` no multiple of ``nhead``, or the
            activation's name unknown.
    """

    num_norms = 2
    has_memory = False

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_positive("dim_feedforward", dim_feedforward)
        self.d_model = d_model
        self.nhead = nhead

        def attention() -> MultiheadAttention:
            return MultiheadAttention(
                d_model,
                nhead,
                dropout,
                bias,
                batch_first=batch_first,
                device=device,
                dtype=dtype,
            )

        self.self_attn = attention()
        if self.has_memory:
            self.multihead_attn = attention()
        self.linear1 = Linear(d_model, dim_feedforward, bias, device, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, device, dtype)
        self.norm_first = norm_first
        for number in range(1, self.num_norms + 1):
            norm = LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)
            setattr(self, f"norm{number}", norm)
        for number in range(1, self.num_norms + 1):
            setattr(self, f"dropout{number}", Dropout(dropout))
        self.activation = _named(activation)

    def _add(self, number: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """Add what a part computes, normalized before it or after the sum."""
        norm = self.get_submodule(f"norm{number}")
        dropout = self.get_submodule(f"dropout{number}")
        if self.norm_first:
            return x + dropout(part(norm(x)))
        return norm(x + dropout(part(x)))

    def _attend_to_itself(
        self,
        x: Tensor,
        mask: Tensor | None,
        padding: Tensor | None,
        is_causal: bool,
    ) -> Tensor:
        return self.self_attn(x, x, x, padding, False, mask, is_causal=is_causal)[0]

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _named(activation: Activation) -> Callable[[Tensor], Tensor]:
    if not isinstance(activation, str):
        return activation
    check_choice(activation, ("relu", "gelu"), "activation")
    return ReLU() if activation == "relu" else GELU()


class TransformerEncoderLayer(TransformerLayer):
    """Let all elements look at each other, then think about each alone.

    x ← LN(x + SelfAttention(x)), x ← LN(x + W_2 φ(W_1 x + b_1) + b_2) — Vaswani et al.
    (2017), §3.1 and §3.3; with ``norm_first``, x ← x + SelfAttention(LN(x)) and so on,
    as analysed by Xiong et al. (2020). Arguments and errors are those of
    :class:`~dlbook.nn.transformer_layers.TransformerLayer`.
    """

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Transform a batch of sequences.

        Args:
            src: ``(time, batch, d_model)``, or as ``batch_first`` says, or without a
                batch.
            src_mask: As ``attn_mask`` of :class:`MultiheadAttention`: True is masked.
            src_key_padding_mask: ``(batch, time)``; True is masked.
            is_causal: A hint that ``src_mask`` is causal; needs the mask.

        Returns:
            Same shape as ``src``.

        Raises:
            ValueError: If a shape does not fit.
            TypeError: If types do not.
        """
        x = self._add(
            1,
            src,
            lambda y: self._attend_to_itself(
                y, src_mask, src_key_padding_mask, is_causal
            ),
        )
        return self._add(2, x, self._feed_forward)


class TransformerDecoderLayer(TransformerLayer):
    """Look at what was written so far, then at the source, then think.

    As :class:`TransformerEncoderLayer`, with attention to the encoder's output between
    self-attention and network. Vaswani et al. (2017), §3.1. That self-attention is
    causal is up to ``tgt_mask``. Arguments and errors are those of
    :class:`~dlbook.nn.transformer_layers.TransformerLayer`.
    """

    num_norms = 3
    has_memory = True

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Transform a batch of sequences.

        Args:
            tgt: ``(time_t, batch, d_model)``, or as ``batch_first`` says, or without a
                batch.
            memory: The encoder's output, likewise with ``time_s``.
            tgt_mask: ``(time_t, time_t)`` or one for each head; True is masked.
            memory_mask: ``(time_t, time_s)``, likewise.
            tgt_key_padding_mask: ``(batch, time_t)``; True is masked.
            memory_key_padding_mask: ``(batch, time_s)``, likewise.
            tgt_is_causal: A hint that ``tgt_mask`` is causal; needs the mask.
            memory_is_causal: Likewise for ``memory_mask``.

        Returns:
            Same shape as ``tgt``.

        Raises:
            ValueError: If a shape does not fit.
            TypeError: If types do not.
        """

        def look_at_memory(y: Tensor) -> Tensor:
            masks = (memory_key_padding_mask, False, memory_mask)
            hint = {"is_causal": memory_is_causal}
            return self.multihead_attn(y, memory, memory, *masks, **hint)[0]

        x = self._add(
            1,
            tgt,
            lambda y: self._attend_to_itself(
                y, tgt_mask, tgt_key_padding_mask, tgt_is_causal
            ),
        )
        x = self._add(2, x, look_at_memory)
        return self._add(3, x, self._feed_forward)
