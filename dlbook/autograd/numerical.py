"""Gradients from their definition, to check the others."""

from collections.abc import Callable

import numpy as np

from dlbook.autograd.rules import Array
from dlbook.autograd.tensor import Tensor, no_grad


def numerical_gradient(
    function: Callable[..., Tensor], *tensors: Tensor, epsilon: float = 1e-6
) -> list[Array]:
    """Estimate gradients from their definition, to check those of ``backward``.

    The central difference (f(x + ε) - f(x - ε)) / 2ε for one number after the other:
    two calls of the function each, with an error that shrinks as ε², until rounding,
    which grows as 1/ε, takes over.

    Args:
        function: Computes a single number from ``tensors``.
        tensors: Where to differentiate; float64, and left as they were.
        epsilon: The nudge ε.

    Returns:
        The gradient for each tensor, in its shape.

    Raises:
        TypeError: If a tensor is not float64, which alone is precise enough.
    """
    gradients = [np.empty_like(tensor.data) for tensor in tensors]
    for tensor, gradient in zip(tensors, gradients, strict=True):
        if tensor.data.dtype != np.float64:
            raise TypeError(f"expected float64 tensors, got {tensor.data.dtype}")
        for place in np.ndindex(tensor.shape):
            kept = tensor.data[place]
            try:
                with no_grad():
                    tensor.data[place] = kept + epsilon
                    above = function(*tensors).item()
                    tensor.data[place] = kept - epsilon
                    below = function(*tensors).item()
            finally:
                tensor.data[place] = kept
            gradient[place] = (above - below) / (2 * epsilon)
    return gradients
