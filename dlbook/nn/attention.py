"""Attention: look values up by how well their keys answer a query."""

import math

import torch
from torch import Tensor
from torch.nn import Module

from dlbook.nn.activations import softmax
from dlbook.nn.checks import (
    autocast_is_on,
    check_floating,
    check_same_device,
    check_same_type,
    check_share,
    shape_of,
)
from dlbook.nn.dropout import Dropout
from dlbook.nn.masks import check_mask


def attention_weights(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Weigh every key by how well it answers each query.

    softmax(Q Kᵀ / √d_k) — Vaswani et al. (2017), §3.2.1, eq. (1). A query that may
    attend to nothing gets zeros (torch's layers: NaN).

    Args:
        query: ``(..., time_q, d_k)``.
        key: ``(..., time_k, d_k)``.
        attn_mask: Broadcastable to ``(..., time_q, time_k)``. Boolean: True may attend;
            float: added to the scores.
        is_causal: Also forbid every key later than its query.
        scale: Multiplies the scores; default ``1 / sqrt(d_k)``.

    Returns:
        ``(..., time_q, time_k)``; non-negative, summing to 1 over time_k.

    Raises:
        ValueError: If ``query`` and ``key`` differ in ``d_k`` or in their leading axes,
            or the mask does not fit the scores; both shapes are named.
        TypeError: If an argument has another type.
    """
    check_floating(query, "attention_weights", "query")
    _check_fits(key, query, "attention_weights", "key")
    if query.ndim < 2 or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            "attention_weights expects query (..., time_q, d_k) and key (..., time_k, "
            f"d_k) with the same d_k, got {shape_of(query)} and {shape_of(key)}"
        )
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1])
    scores = (query * scale) @ key.mT  # fewer products than to scale the scores
    return masked_softmax(scores, attn_mask, is_causal)


def _check_fits(tensor: Tensor, query: Tensor, layer: str, name: str) -> None:
    """Refuse keys or values of another type or batch than the queries."""
    check_floating(tensor, layer, name)
    check_same_device(tensor, query, layer, "query")
    if not autocast_is_on(query):
        check_same_type(query, tensor, layer, name)
    leading = zip(reversed(query.shape[:-2]), reversed(tensor.shape[:-2]), strict=False)
    if tensor.ndim < 2 or any(a != b and 1 not in (a, b) for a, b in leading):
        raise ValueError(
            f"{layer} expects a {name} (..., time, size) with the leading axes of the "
            f"query {shape_of(query)}, got {shape_of(tensor)}"
        )


def masked_softmax(
    scores: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False
) -> Tensor:
    """Turn each query's scores into weights of the keys it may attend to.

    Args:
        scores: ``(..., time_q, time_k)``; overwritten where forbidden.
        attn_mask: As for :func:`~dlbook.nn.attention_weights`.
        is_causal: Likewise.

    Returns:
        Same shape; non-negative, summing to 1 over time_k, or all 0 where no key is
        allowed.

    Raises:
        ValueError: If the mask does not fit the scores; both shapes are named.
        TypeError: If the mask is neither boolean nor float32 nor of the scores' type.
    """
    if is_causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill_(later.triu(1), -math.inf)
    if attn_mask is None:
        return softmax(scores, -1)
    check_mask(attn_mask, scores)
    if attn_mask.dtype == torch.bool:
        scores = scores.masked_fill_(~attn_mask, -math.inf)
    else:
        scores = scores + attn_mask.to(scores.dtype)
    nothing = (scores == -math.inf).all(-1, keepdim=True)
    return softmax(scores.masked_fill(nothing, 0), -1).masked_fill(nothing, 0)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Give each query the mean of the values, weighted by how well their keys answer.

    softmax(Q Kᵀ / √d_k) V — Vaswani et al. (2017), §3.2.1, eq. (1). The signature is
    that of torch's function; unlike it, a mask and ``is_causal`` may be combined.

    Args:
        query: ``(..., time_q, d_k)``.
        key: ``(..., time_k, d_k)``.
        value: ``(..., time_k, d_v)``.
        attn_mask: Boolean (True may attend) or float (added to the scores),
            broadcastable to ``(..., time_q, time_k)``.
        dropout_p: The probability of silencing a weight, also in evaluation mode.
        is_causal: Also forbid every key later than its query.
        scale: Multiplies the scores; default ``1 / sqrt(d_k)``.

    Returns:
        ``(..., time_q, d_v)``.

    Raises:
        ValueError: If shapes do not fit, or ``dropout_p`` is not in [0, 1].
        TypeError: If an argument has another type.
    """
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    _check_fits(value, query, "scaled_dot_product_attention", "value")
    if value.shape[-2] != key.shape[-2]:
        raise ValueError(
            f"scaled_dot_product_attention expects a value for each of "
            f"{key.shape[-2]} keys, got {shape_of(value)}"
        )
    return Dropout(dropout_p)(weights) @ value


class DotProductAttention(Module):
    """:func:`scaled_dot_product_attention` as a layer, for models to hold.

    It has no parameters. :func:`~dlbook.nn.to_torch` puts torch's fused kernel in its
    place.

    Args:
        dropout: The probability of silencing a weight in training mode.

    Raises:
        ValueError: If ``dropout`` is not in [0, 1].
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        check_share("DotProductAttention: dropout", dropout)
        self.dropout = dropout

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Attend; shapes and errors are the function's."""
        dropout = self.dropout if self.training else 0.0
        return scaled_dot_product_attention(
            query, key, value, attn_mask, dropout, is_causal
        )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"dropout={self.dropout}"
