"""Masks: what each query may attend to."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dlbook.nn.checks import check_tensor, shape_of


def check_mask(mask: Tensor, scores: Tensor) -> None:
    """Refuse a mask that says nothing, or has to be guessed at.

    Args:
        mask: Boolean, float32, or of the scores' type.
        scores: What it must be broadcastable to.

    Raises:
        TypeError: If ``mask`` is of another type.
        ValueError: If its shape does not fit; both are named.
    """
    _check_type(mask, scores.dtype, "attn_mask")
    pairs = zip(reversed(mask.shape), reversed(scores.shape), strict=False)
    if mask.ndim > scores.ndim or any(mine not in (1, size) for mine, size in pairs):
        raise ValueError(
            f"attn_mask must be broadcastable to {shape_of(scores)}, "
            f"got {shape_of(mask)}"
        )


def _check_type(mask: Tensor, dtype: torch.dtype, name: str) -> None:
    check_tensor(mask, "attention", name)
    if mask.dtype not in (torch.bool, torch.float32, dtype):
        raise TypeError(
            f"{name} must be boolean, float32 or of the scores' type {dtype}, "
            f"got {mask.dtype}"
        )


def merge_masks(
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    shape: tuple[int, ...],
    dtype: torch.dtype,
) -> Tensor | None:
    """Make one mask of the two that ``torch.nn`` gives to its attention.

    There True is masked; in the result, as in
    :func:`~dlbook.nn.attention_weights`, True may attend.

    Args:
        key_padding_mask: ``(batch, time_k)``, boolean or float, or None; without
            ``batch`` if ``shape`` has none.
        attn_mask: ``(time_q, time_k)`` or ``(batch * heads, time_q, time_k)``,
            likewise.
        shape: That of the scores, ``(batch, heads, time_q, time_k)`` or ``(heads,
            time_q, time_k)``.
        dtype: The type of the scores.

    Returns:
        Broadcastable to ``shape``: boolean if all given masks are, else float; None if
        none is given.

    Raises:
        TypeError: If a mask is neither boolean nor float32 nor ``dtype``.
        ValueError: If a mask has another shape; both are named.
    """
    *batch, heads, asked, known = shape
    masks: list[Tensor] = []
    if key_padding_mask is not None:
        _check_type(key_padding_mask, dtype, "key_padding_mask")
        _check_shape(key_padding_mask, [(*batch, known)], "key_padding_mask")
        masks.append(key_padding_mask.reshape(*batch, 1, 1, known))
    if attn_mask is not None:
        each_head = (math.prod(batch) * heads, asked, known)
        _check_type(attn_mask, dtype, "attn_mask")
        _check_shape(attn_mask, [(asked, known), each_head], "attn_mask")
        whole = attn_mask.ndim == 3
        masks.append(attn_mask.reshape(shape) if whole else attn_mask)
    if not masks:
        return None
    if all(mask.dtype == torch.bool for mask in masks):
        return ~(masks[0] | masks[-1])
    added = [_as_scores(mask, dtype) for mask in masks]
    return added[0] if len(added) == 1 else added[0] + added[1]


def _check_shape(mask: Tensor, shapes: Sequence[tuple[int, ...]], name: str) -> None:
    if tuple(mask.shape) not in shapes:
        expected = " or ".join(map(str, shapes))
        raise ValueError(f"{name} must have shape {expected}, got {shape_of(mask)}")


def _as_scores(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Write a mask in which True is masked as numbers to add to the scores."""
    if mask.dtype != torch.bool:
        return mask
    zeros = torch.zeros_like(mask, dtype=dtype)
    return zeros.masked_fill(mask, -torch.inf)
