"""Multi-head attention: several look-ups side by side, each in its own projection."""

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn import init
from dlbook.nn.attention import attention_weights
from dlbook.nn.checks import (
    check_floating,
    check_matches,
    check_positive,
    check_share,
    shape_of,
)
from dlbook.nn.dropout import Dropout
from dlbook.nn.linear import Linear
from dlbook.nn.masks import merge_masks


class MultiheadAttention(Module):
    """Attend with several heads, each to another projection of queries and keys.

    MultiHead(Q, K, V) = Concat(head_1, …, head_h) W_O, where head_i is the scaled
    dot-product attention of Q W_Qi, K W_Ki and V W_Vi. Vaswani et al. (2017), §3.2.2;
    with biases, as torch has them. The heads are cut from one product for each of Q, K
    and V by a reshape. A query that may attend to nothing gets zeros before the last
    projection (torch: NaN).

    Args:
        embed_dim: Size of queries and outputs; a multiple of ``num_heads``.
        num_heads: Number of heads.
        dropout: The probability of silencing a weight in training mode.
        bias: Whether the projections have biases.
        add_bias_kv: Only False.
        add_zero_attn: Only False.
        kdim: Size of keys; default ``embed_dim``.
        vdim: Size of values; default ``embed_dim``.
        batch_first: Whether batches are ``(batch, time, size)`` instead of ``(time,
            batch, size)``.
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        in_proj_weight: W_Q, W_K, W_V below each other, ``(3 * embed_dim, embed_dim)``;
            None if ``kdim`` or ``vdim`` differs. Then there are ``q_proj_weight``,
            ``k_proj_weight`` and ``v_proj_weight``.
        in_proj_bias: ``(3 * embed_dim,)`` or None.
        out_proj: W_O, a linear layer.

    Raises:
        ValueError: If a size is below one, ``embed_dim`` no multiple of ``num_heads``,
            or ``dropout`` not in [0, 1].
        NotImplementedError: If ``add_bias_kv`` or ``add_zero_attn`` is set.
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if add_bias_kv or add_zero_attn:
            raise NotImplementedError(
                "MultiheadAttention has no add_bias_kv and no add_zero_attn, got "
                f"{add_bias_kv} and {add_zero_attn}"
            )
        self.embed_dim = check_positive("embed_dim", embed_dim)
        self.num_heads = check_positive("num_heads", num_heads)
        self.kdim = embed_dim if kdim is None else check_positive("kdim", kdim)
        self.vdim = embed_dim if vdim is None else check_positive("vdim", vdim)
        if embed_dim % num_heads != 0:
            raise ValueError(
                f"embed_dim must be a multiple of num_heads, got {embed_dim} and "
                f"{num_heads}"
            )
        check_share("MultiheadAttention: dropout", dropout)
        self.dropout = dropout
        self.batch_first = batch_first
        for name, size in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            shape = None if self._alike() else (embed_dim, size)
            self._register(f"{name}_proj_weight", shape, device, dtype)
        stacked = (3 * embed_dim, embed_dim) if self._alike() else None
        self._register("in_proj_weight", stacked, device, dtype)
        self._register(
            "in_proj_bias", (3 * embed_dim,) if bias else None, device, dtype
        )
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        self.reset_parameters()

    def _alike(self) -> bool:
        return self.kdim == self.vdim == self.embed_dim

    def _register(
        self,
        name: str,
        shape: tuple[int, ...] | None,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        values = (
            None if shape is None else torch.empty(shape, device=device, dtype=dtype)
        )
        self.register_parameter(name, None if values is None else Parameter(values))

    def reset_parameters(self) -> None:
        """Draw the weights of the first projections by Glorot's rule; no bias."""
        for name, parameter in self.named_parameters(recurse=False):
            if name.endswith("weight"):
                init.xavier_uniform_(parameter)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            query: ``(time_q, batch, embed_dim)``; ``(batch, time_q, embed_dim)`` if
                ``batch_first``; or ``(time_q, embed_dim)`` without a batch.
            key: Likewise with ``time_k`` and ``kdim``.
            value: Likewise with ``time_k`` and ``vdim``.
            key_padding_mask: ``(batch, time_k)``, without a batch ``(time_k,)``.
                Boolean: True is masked; float: added to the scores.
            need_weights: Whether to return the weights, too.
            attn_mask: ``(time_q, time_k)`` or ``(batch * num_heads, time_q, time_k)``,
                boolean (True is masked) or float.
            average_attn_weights: Whether to average the weights over the heads.
            is_causal: A hint that ``attn_mask`` is causal; needs the mask, as torch's.

        Returns:
            The output, in the shape of ``query``, and the weights, as dropout left
            them: ``(batch, time_q, time_k)``, or with an axis of heads after the batch;
            None if not asked for.

        Raises:
            ValueError: If shapes do not fit, or ``is_causal`` comes without a mask.
            TypeError: If types differ, or a mask is neither boolean nor float32 nor of
                the query's type.
        """
        self._check(query, key, value)
        if is_causal and attn_mask is None:
            raise ValueError("MultiheadAttention needs attn_mask with is_causal=True")
        batched = query.ndim == 3
        (batch, asked), (_, known) = self._sizes(query), self._sizes(key)
        shape = (*([batch] * batched), self.num_heads, asked, known)
        mask = merge_masks(key_padding_mask, attn_mask, shape, query.dtype)
        heads = self._heads(query, key, value)
        weights = attention_weights(heads[0], heads[1], mask)
        weights = Dropout(self.dropout).train(self.training)(weights)
        mixed = (weights @ heads[2]).transpose(1, 2)  # (batch, time, heads, head_dim)
        output = self.out_proj(self._as_given(mixed, batched).flatten(-2))
        if not need_weights:
            return output, None
        weights = weights.mean(1) if average_attn_weights else weights
        return output, weights if batched else weights[0]

    def _heads(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """Project queries, keys and values; each ``(batch, heads, time, head_dim)``."""
        if query is key and key is value and self.in_proj_weight is not None:
            products = self._batch_first(query) @ self.in_proj_weight.T  # once for all
            projected = [*products.chunk(3, dim=-1)]
        else:
            if self.in_proj_weight is not None:
                weights = [*self.in_proj_weight.chunk(3)]
            else:
                names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
                weights = [self.get_parameter(name) for name in names]
            inputs = (self._batch_first(x) for x in (query, key, value))
            projected = [x @ w.T for x, w in zip(inputs, weights, strict=True)]
        if self.in_proj_bias is not None:
            biases = self.in_proj_bias.chunk(3)
            projected = [x + b for x, b in zip(projected, biases, strict=True)]
        shape = (self.num_heads, self.embed_dim // self.num_heads)
        return [x.unflatten(-1, shape).transpose(1, 2) for x in projected]

    def _batch_first(self, input: Tensor) -> Tensor:
        if input.ndim == 2:
            return input.unsqueeze(0)
        return input if self.batch_first else input.transpose(0, 1)

    def _as_given(self, output: Tensor, batched: bool) -> Tensor:
        if not batched:
            return output.squeeze(0)
        return output if self.batch_first else output.transpose(0, 1)

    def _sizes(self, input: Tensor) -> tuple[int, int]:
        """Read the batch and the time of an input."""
        if input.ndim == 2:
            return 1, input.shape[0]
        batch, time = (0, 1) if self.batch_first else (1, 0)
        return input.shape[batch], input.shape[time]

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        names = ("query", "key", "value")
        tensors = (query, key, value)
        sizes = (self.embed_dim, self.kdim, self.vdim)
        for name, tensor, size in zip(names, tensors, sizes, strict=True):
            check_floating(tensor, "MultiheadAttention", name)
            check_matches(tensor, self.out_proj.weight, "MultiheadAttention")
            if tensor.ndim not in (2, 3) or tensor.shape[-1] != size:
                raise ValueError(
                    f"MultiheadAttention expects a {name} of shape (time, {size}) or "
                    f"with a batch, got {shape_of(tensor)}"
                )
        fits = query.ndim == key.ndim == value.ndim and self._fit(query, key, value)
        if not fits:
            raise ValueError(
                "MultiheadAttention expects one batch, and a value for each key, got "
                f"query {shape_of(query)}, key {shape_of(key)}, value {shape_of(value)}"
            )

    def _fit(self, query: Tensor, key: Tensor, value: Tensor) -> bool:
        (batch, _), known = self._sizes(query), self._sizes(key)
        return batch == known[0] and known == self._sizes(value)
