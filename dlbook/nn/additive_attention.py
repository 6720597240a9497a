"""Additive attention: a small network judges how well a key answers a query."""

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn.attention import masked_softmax
from dlbook.nn.checks import (
    check_floating,
    check_matches,
    check_positive,
    shape_of,
)
from dlbook.nn.linear import draw_by_fan_in


class AdditiveAttention(Module):
    """Weigh keys by a small network with one hidden layer, and average their values.

    The score of key k for query q is vᵀ tanh(W q + U k) — Bahdanau et al. (2015),
    §A.1.2; softmax over the keys gives the weights. Query and key may differ in size,
    and no scale is needed: tanh is bounded.

    Args:
        query_dim: Size of a query.
        key_dim: Size of a key.
        hidden_dim: Number of hidden units.

    Attributes:
        query_weight: W, ``(hidden_dim, query_dim)``.
        key_weight: U, ``(hidden_dim, key_dim)``.
        score_weight: v, ``(1, hidden_dim)``.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(self, query_dim: int, key_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.query_dim = check_positive("query_dim", query_dim)
        self.key_dim = check_positive("key_dim", key_dim)
        self.hidden_dim = check_positive("hidden_dim", hidden_dim)
        self.query_weight = Parameter(torch.empty(hidden_dim, query_dim))
        self.key_weight = Parameter(torch.empty(hidden_dim, key_dim))
        self.score_weight = Parameter(torch.empty(1, hidden_dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        for weight in (self.query_weight, self.key_weight, self.score_weight):
            draw_by_fan_in(weight, None)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attend.

        Args:
            query: ``(batch, time_q, query_dim)``.
            key: ``(batch, time_k, key_dim)``.
            value: ``(batch, time_k, d_v)``.
            attn_mask: Broadcastable to ``(batch, time_q, time_k)``. Boolean: True may
                attend; float: added to the scores.

        Returns:
            The weighted means ``(batch, time_q, d_v)`` and the weights
            ``(batch, time_q, time_k)``.

        Raises:
            ValueError: If a shape does not fit.
            TypeError: If types differ.
        """
        self._check(query, key, value)
        asked = (query @ self.query_weight.T).unsqueeze(2)  # (batch, time_q, 1, hidden)
        known = (key @ self.key_weight.T).unsqueeze(1)  # (batch, 1, time_k, hidden)
        scores = ((asked + known).tanh() @ self.score_weight.T).squeeze(3)
        weights = masked_softmax(scores, attn_mask)
        return weights @ value, weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        sizes = {"query": self.query_dim, "key": self.key_dim, "value": None}
        given = {"query": query, "key": key, "value": value}
        for name, tensor in given.items():
            check_floating(tensor, "AdditiveAttention", name)
            check_matches(tensor, self.score_weight, "AdditiveAttention")
            size = sizes[name]
            if tensor.ndim != 3 or (size is not None and tensor.shape[2] != size):
                raise ValueError(
                    f"AdditiveAttention expects a {name} of shape (batch, time, "
                    f"{size or 'd_v'}), got {shape_of(tensor)}"
                )
        batches = {tensor.shape[0] for tensor in given.values()}
        if len(batches) > 1 or key.shape[1] != value.shape[1]:
            raise ValueError(
                "AdditiveAttention expects one batch, and a value for each key, got "
                f"query {shape_of(query)}, key {shape_of(key)}, value {shape_of(value)}"
            )

    def extra_repr(self) -> str:
        """Describe the layer."""
        return f"{self.query_dim}, {self.key_dim}, {self.hidden_dim}"
