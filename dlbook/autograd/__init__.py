"""Reverse-mode differentiation on NumPy arrays: what ``backward`` does.

A :class:`Tensor` computes like an array and remembers from which tensors each result
came. :meth:`Tensor.backward` walks this graph from the result to its sources and
applies the chain rule once for each operation. Linnainmaa (1976) gives the method,
Baydin et al. (2018), §3.2, survey it. Names and gradients are torch's where both have
them; axes are called as in NumPy.
"""

from dlbook.autograd.numerical import numerical_gradient
from dlbook.autograd.tensor import Tensor, no_grad

__all__ = ["Tensor", "no_grad", "numerical_gradient"]
