"""Keeping gradients short, as ``torch.nn.utils`` does it."""

from collections.abc import Iterable
from types import GeneratorType

import torch
from torch import Tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients down together where they are longer than allowed.

    With the norm n of all gradients as one vector: g ← g · min(1, c / (n + 10⁻⁶)).
    The direction stays. Pascanu, Mikolov and Bengio (2013), Algorithm 1; there a
    gradient that is short enough is left alone, and nothing is added to n.

    Args:
        parameters: One or several; those without a gradient are passed over.
        max_norm: c, the largest norm allowed.
        norm_type: p of the p-norm; ``math.inf`` for the largest magnitude.
        error_if_nonfinite: Refuse gradients whose norm is infinite or NaN.
        foreach: Only None or False.

    Returns:
        ``()``; n, the norm before.

    Raises:
        ValueError: If ``max_norm`` is negative or NaN, or a generator yields nothing.
        TypeError: If a gradient is sparse.
        RuntimeError: If the norm is not finite and that is an error.
        NotImplementedError: If ``foreach`` is true.
    """
    parameters = _listed(parameters)
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = get_total_norm(gradients, norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, norm, foreach)
    return norm


@torch.no_grad()
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Measure the length of several tensors as if they were one vector.

    It is the norm of their norms: ``(Σᵢ |xᵢ|ᵖ)^(1/p)`` over all elements of them all.

    Args:
        tensors: One or several.
        norm_type: p of the p-norm; ``math.inf`` for the largest magnitude.
        error_if_nonfinite: Refuse a norm that is infinite or NaN.
        foreach: Only None or False.

    Returns:
        ``()``; 0 for no tensors.

    Raises:
        TypeError: If a tensor is sparse.
        RuntimeError: If the norm is not finite and that is an error.
        NotImplementedError: If ``foreach`` is true.
    """
    tensors = _checked(_listed(tensors), foreach)
    if not tensors:
        return torch.tensor(0.0)
    p = float(norm_type)
    norms = [torch.linalg.vector_norm(x, p).to(tensors[0].device) for x in tensors]
    norm = torch.linalg.vector_norm(torch.stack(norms), p)
    if error_if_nonfinite and not norm.isfinite():
        raise RuntimeError(f"the {p}-norm of the gradients is {norm.item()}")
    return norm


@torch.no_grad()
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale all gradients down together, their norm being known.

    Args:
        parameters: One or several; those without a gradient are passed over.
        max_norm: The largest norm allowed.
        total_norm: ``()``; the gradients' norm, from :func:`get_total_norm`.
        foreach: Only None or False.

    Raises:
        ValueError: If ``max_norm`` is negative or NaN.
        TypeError: If a gradient is sparse.
        NotImplementedError: If ``foreach`` is true.
    """
    _check_bound("max_norm", max_norm)
    parameters = _listed(parameters)
    gradients = [p.grad for p in parameters if p.grad is not None]
    scale = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)
    for gradient in _checked(gradients, foreach):
        gradient.mul_(scale.to(gradient.device))


@torch.no_grad()
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor],
    clip_value: float,
    foreach: bool | None = None,
) -> None:
    """Cut each element of each gradient to an interval around 0.

    g ← max(-c, min(c, g)), element by element, which may change the direction.

    Args:
        parameters: One or several; those without a gradient are passed over.
        clip_value: c, the largest magnitude allowed.
        foreach: Only None or False.

    Raises:
        ValueError: If ``clip_value`` is negative or NaN, or a generator yields nothing.
        TypeError: If a gradient is sparse.
        NotImplementedError: If ``foreach`` is true.
    """
    _check_bound("clip_value", clip_value)
    gradients = [p.grad for p in _listed(parameters) if p.grad is not None]
    for gradient in _checked(gradients, foreach):
        gradient.clamp_(-float(clip_value), float(clip_value))


def _listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    listed = list(tensors)
    if not listed and isinstance(tensors, GeneratorType):
        raise ValueError("expected parameters, got a generator that yields nothing")
    return listed


def _checked(tensors: list[Tensor], foreach: bool | None) -> list[Tensor]:
    if foreach:
        raise NotImplementedError("clipping: foreach is not implemented; leave it out")
    for tensor in tensors:
        if tensor.layout != torch.strided:
            raise TypeError(f"clipping needs dense gradients, got {tensor.layout}")
    return tensors


def _check_bound(name: str, value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, got {value}")
