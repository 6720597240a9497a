"""The Transformer: stacks of layers that look, and no recurrence."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn import init
from dlbook.nn.checks import shape_of
from dlbook.nn.normalization import LayerNorm
from dlbook.nn.transformer_layers import (
    Activation,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from dlbook.nn.transformer_stacks import TransformerDecoder, TransformerEncoder


class Transformer(Module):
    """Encode a source, decode a target that looks at it.

    Vaswani et al. (2017), §3: without embeddings, positions and output layer, and, like
    torch's, with a normalization at the end of both stacks. All matrices start by
    Glorot's rule.

    Args:
        d_model: Size of the elements.
        nhead: Number of heads.
        num_encoder_layers: Layers of the encoder.
        num_decoder_layers: Layers of the decoder.
        dim_feedforward: Hidden units of each layer's network.
        dropout: The probability of silencing an element in training mode.
        activation: "relu", "gelu", or a function.
        custom_encoder: Only None.
        custom_decoder: Only None.
        layer_norm_eps: Added to the variance by the normalizations.
        batch_first: Whether batches are ``(batch, time, d_model)``.
        norm_first: Whether to normalize before each part instead of after the sum.
        bias: Whether affine maps and normalizations have biases.
        device: Where the parameters live.
        dtype: Their type.

    Raises:
        ValueError: If a size is below one or ``d_model`` no multiple of ``nhead``.
        NotImplementedError: If a custom encoder or decoder is given.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if custom_encoder is not None or custom_decoder is not None:
            raise NotImplementedError(
                "Transformer has no custom_encoder and no custom_decoder"
            )
        sizes = (d_model, nhead, dim_feedforward, dropout)
        options: dict[str, Any] = {"activation": activation, "bias": bias}
        options |= {"layer_norm_eps": layer_norm_eps, "batch_first": batch_first}
        options |= {"norm_first": norm_first, "device": device, "dtype": dtype}

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)

        encoder_layer = TransformerEncoderLayer(*sizes, **options)
        self.encoder = TransformerEncoder(encoder_layer, num_encoder_layers, norm())
        decoder_layer = TransformerDecoderLayer(*sizes, **options)
        self.decoder = TransformerDecoder(decoder_layer, num_decoder_layers, norm())
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all matrices by Glorot's rule; leave the rest as it is."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Encode, then decode.

        Args:
            src: ``(time_s, batch, d_model)``, or as ``batch_first`` says, or without a
                batch.
            tgt: Likewise with ``time_t``.
            src_mask: ``(time_s, time_s)`` or one for each head; True is masked.
            tgt_mask: ``(time_t, time_t)``, likewise; see
                :meth:`generate_square_subsequent_mask`.
            memory_mask: ``(time_t, time_s)``, likewise.
            src_key_padding_mask: ``(batch, time_s)``; True is masked.
            tgt_key_padding_mask: ``(batch, time_t)``, likewise.
            memory_key_padding_mask: ``(batch, time_s)``, likewise.
            src_is_causal: A hint that ``src_mask`` is causal; None: no hint.
            tgt_is_causal: Likewise for ``tgt_mask``.
            memory_is_causal: Likewise for ``memory_mask``.

        Returns:
            Same shape as ``tgt``.

        Raises:
            ValueError: If a shape does not fit.
            TypeError: If types do not.
        """
        for name, given in (("src", src), ("tgt", tgt)):
            if given.ndim not in (2, 3) or given.shape[-1] != self.d_model:
                raise ValueError(
                    f"Transformer expects a {name} of shape (time, {self.d_model}) or "
                    f"with a batch, got {shape_of(given)}"
                )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
            memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """Make the mask that hides from each element all later ones.

        Args:
            sz: Length of the sequence.
            device: Where the mask lives.
            dtype: Its type.

        Returns:
            ``(sz, sz)``: 0, and minus infinity above the diagonal.
        """
        whole = torch.full((sz, sz), -torch.inf, device=device, dtype=dtype)
        return whole.triu(1)
