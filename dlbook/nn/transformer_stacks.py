"""Stacks of Transformer layers."""

import copy

from torch import Tensor
from torch.nn import Module, ModuleList

from dlbook.nn.checks import check_positive
from dlbook.nn.transformer_layers import (
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)


class TransformerEncoder(Module):
    """Stack copies of an encoder layer.

    Vaswani et al. (2017), §3.1. Torch's ``enable_nested_tensor`` and ``mask_check``,
    which choose kernels, are left out; so :func:`~dlbook.nn.to_torch` swaps the layers,
    and the stack stays: torch's gives zeros for padding in evaluation mode.

    Args:
        encoder_layer: Copied ``num_layers`` times, parameters included.
        num_layers: Number of layers.
        norm: Applied at the end; None for nothing.

    Raises:
        ValueError: If ``num_layers`` is below one.
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
    ) -> None:
        super().__init__()
        check_positive("num_layers", num_layers)
        copies = (copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.layers = ModuleList(copies)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Transform a batch of sequences; as of :class:`TransformerEncoderLayer`.

        Args:
            src: ``(time, batch, d_model)``, or as the layer's ``batch_first`` says.
            mask: Its ``src_mask``.
            src_key_padding_mask: ``(batch, time)``; True is masked.
            is_causal: A hint that ``mask`` is causal; needs the mask. None: no hint.

        Returns:
            Same shape as ``src``.
        """
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """Stack copies of a decoder layer; all look at the same memory.

    Vaswani et al. (2017), §3.1.

    Args:
        decoder_layer: Copied ``num_layers`` times, parameters included.
        num_layers: Number of layers.
        norm: Applied at the end; None for nothing.

    Raises:
        ValueError: If ``num_layers`` is below one.
    """

    def __init__(
        self,
        decoder_layer: TransformerDecoderLayer,
        num_layers: int,
        norm: Module | None = None,
    ) -> None:
        super().__init__()
        check_positive("num_layers", num_layers)
        copies = (copy.deepcopy(decoder_layer) for _ in range(num_layers))
        self.layers = ModuleList(copies)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Transform a batch of sequences; as of :class:`TransformerDecoderLayer`.

        Args:
            tgt: ``(time_t, batch, d_model)``, or as the layer's ``batch_first`` says.
            memory: The encoder's output, likewise with ``time_s``.
            tgt_mask: ``(time_t, time_t)`` or one for each head; True is masked.
            memory_mask: ``(time_t, time_s)``, likewise.
            tgt_key_padding_mask: ``(batch, time_t)``; True is masked.
            memory_key_padding_mask: ``(batch, time_s)``, likewise.
            tgt_is_causal: A hint that ``tgt_mask`` is causal; None: no hint.
            memory_is_causal: Likewise for ``memory_mask``.

        Returns:
            Same shape as ``tgt``.
        """
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                bool(tgt_is_causal),
                memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)
