"""Swap every layer for torch's own: understand with ours, train with the library's."""

import copy
import inspect
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn import (
    activations,
    attention,
    batch_norm,
    binary_cross_entropy,
    conv,
    conv_transpose,
    cross_entropy,
    dropout,
    embedding,
    linear,
    losses,
    multihead_attention,
    normalization,
    pooling,
    recurrent,
    recurrent_cells,
    transformer_layers,
    unpooling,
    upsampling,
)


class _FusedAttention(Module):
    """Torch's fused kernel, in place of our attention without parameters.

    See :class:`~dlbook.nn.attention.DotProductAttention`.

    Args:
        dropout: The probability of silencing a weight in training mode.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Attend; shapes are those of the layer it replaces.

        Raises:
            RuntimeError: If a mask comes with ``is_causal``, or shapes do not fit.
        """
        return torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask, self.dropout * self.training, is_causal
        )


TWINS: dict[type[Module], type[Module]] = {
    linear.Linear: torch.nn.Linear,
    linear.Flatten: torch.nn.Flatten,
    linear.Identity: torch.nn.Identity,
    activations.ReLU: torch.nn.ReLU,
    activations.LeakyReLU: torch.nn.LeakyReLU,
    activations.ELU: torch.nn.ELU,
    activations.GELU: torch.nn.GELU,
    activations.SiLU: torch.nn.SiLU,
    activations.Sigmoid: torch.nn.Sigmoid,
    activations.Tanh: torch.nn.Tanh,
    activations.Softplus: torch.nn.Softplus,
    activations.Softmax: torch.nn.Softmax,
    activations.LogSoftmax: torch.nn.LogSoftmax,
    losses.MSELoss: torch.nn.MSELoss,
    losses.L1Loss: torch.nn.L1Loss,
    losses.HuberLoss: torch.nn.HuberLoss,
    losses.KLDivLoss: torch.nn.KLDivLoss,
    binary_cross_entropy.BCELoss: torch.nn.BCELoss,
    binary_cross_entropy.BCEWithLogitsLoss: torch.nn.BCEWithLogitsLoss,
    cross_entropy.NLLLoss: torch.nn.NLLLoss,
    cross_entropy.CrossEntropyLoss: torch.nn.CrossEntropyLoss,
    conv.Conv1d: torch.nn.Conv1d,
    conv.Conv2d: torch.nn.Conv2d,
    conv_transpose.ConvTranspose1d: torch.nn.ConvTranspose1d,
    conv_transpose.ConvTranspose2d: torch.nn.ConvTranspose2d,
    pooling.MaxPool2d: torch.nn.MaxPool2d,
    unpooling.MaxUnpool2d: torch.nn.MaxUnpool2d,
    upsampling.Upsample: torch.nn.Upsample,
    pooling.AvgPool2d: torch.nn.AvgPool2d,
    pooling.AdaptiveAvgPool2d: torch.nn.AdaptiveAvgPool2d,
    dropout.Dropout: torch.nn.Dropout,
    dropout.Dropout2d: torch.nn.Dropout2d,
    batch_norm.BatchNorm1d: torch.nn.BatchNorm1d,
    batch_norm.BatchNorm2d: torch.nn.BatchNorm2d,
    normalization.LayerNorm: torch.nn.LayerNorm,
    normalization.GroupNorm: torch.nn.GroupNorm,
    normalization.RMSNorm: torch.nn.RMSNorm,
    embedding.Embedding: torch.nn.Embedding,
    attention.DotProductAttention: _FusedAttention,
    multihead_attention.MultiheadAttention: torch.nn.MultiheadAttention,
    transformer_layers.TransformerEncoderLayer: torch.nn.TransformerEncoderLayer,
    transformer_layers.TransformerDecoderLayer: torch.nn.TransformerDecoderLayer,
    recurrent_cells.RNNCell: torch.nn.RNNCell,
    recurrent_cells.LSTMCell: torch.nn.LSTMCell,
    recurrent_cells.GRUCell: torch.nn.GRUCell,
    recurrent.RNN: torch.nn.RNN,
    recurrent.LSTM: torch.nn.LSTM,
    recurrent.GRU: torch.nn.GRU,
}

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def to_torch(model: Module) -> Module:
    """Rebuild a model from torch's layers, around the very same parameters.

    Every layer of :mod:`dlbook.nn` becomes its ``torch.nn`` twin, which holds the same
    Parameter objects and buffers: train either model, and both change. Parameters that
    two layers share stay shared. Everything else is copied, layers without a twin
    (including subclasses, which may compute something else) with shared parameters.
    Call it after ``model.to(...)``: moving one model later would part them.

    Args:
        model: Any module, in training or evaluation mode; left unchanged.

    Returns:
        A new module in the same mode, which computes the same.

    Raises:
        TypeError: If ``model`` is not a module.
        ValueError: If a layer that would be swapped has hooks, or parameters or buffers
            that its twin does not know (pruning, weight normalization).
    """
    if not isinstance(model, Module):
        raise TypeError(f"to_torch needs a Module, got {type(model).__name__}")
    # deepcopy takes from this table instead of copying what is in it.
    replacements: dict[int, Any] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        replacements[id(tensor)] = tensor
    _swap(model, replacements)
    return copy.deepcopy(model, replacements)


def _swap(layer: Module, replacements: dict[int, Any]) -> None:
    """Write down the twins of a layer and, before it, of all its parts."""
    for part in layer.children():
        _swap(part, replacements)
    if type(layer) in TWINS and id(layer) not in replacements:
        replacements[id(layer)] = _twin(layer, replacements)


def _twin(layer: Module, replacements: dict[int, Any]) -> Module:
    twin_class = TWINS[type(layer)]
    parts = {n: copy.deepcopy(part, replacements) for n, part in layer.named_children()}
    arguments: dict[str, Any] = {}
    for name, parameter in inspect.signature(type(layer)).parameters.items():
        if name == "device":
            arguments[name] = "meta"  # draws and stores nothing: ours has the values
        elif name == "bias":
            arguments[name] = _has_bias(layer)
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD and hasattr(layer, name):
            value = parts.get(name, getattr(layer, name))
            arguments[name] = value.p if isinstance(value, torch.nn.Dropout) else value
    twin = twin_class(**arguments)
    for name, part in parts.items():
        setattr(twin, name, part)
    _check_plain(layer, twin)
    for name, tensor in layer.named_parameters(recurse=False):
        setattr(twin, name, tensor)
    for name, _ in list(twin.named_buffers(recurse=False)):
        twin.register_buffer(name, getattr(layer, name))
    twin.training = layer.training  # that of its parts is their own
    return twin


def _has_bias(layer: Module) -> bool:
    bias = getattr(layer, "bias", getattr(layer, "in_proj_bias", None))
    return bias if isinstance(bias, bool) else bias is not None


def _check_plain(layer: Module, twin: Module) -> None:
    """Refuse a layer that computes more than its class says: the twin would not."""
    name = type(layer).__name__
    for kind in _HOOKS:
        if getattr(layer, kind):
            raise ValueError(
                f"to_torch cannot take a {name}'s hooks along ({kind[1:]}): remove "
                "them first, or register them on the result"
            )
    ours, known = ({*module.state_dict()} for module in (layer, twin))
    if ours != known:
        raise ValueError(
            f"to_torch expects a {name} to hold {sorted(known)}, got {sorted(ours)}"
        )
