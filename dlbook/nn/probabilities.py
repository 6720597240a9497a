"""Scores to probabilities, with a gradient that goes over the numbers once less."""

from typing import Any

from torch import Tensor
from torch.autograd import Function

from dlbook.nn.checks import autocast_is_on


class Probabilities(Function):
    """p_i = exp(x_i) / Σ_j exp(x_j), with its gradient written out.

    ∂p_i / ∂x_j is p_i (1 - p_i) where i = j, else -p_i p_j: Bishop (2006), §4.3.4, eq.
    (4.106). So a gradient g by p becomes p_j (g_j - Σ_i g_i p_i) by x_j. The matrix of
    these derivatives is symmetric, so the forward mode uses the same formula. Autograd
    would find the same, but keep the exponentials, too, and go over them more often.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, dim: int) -> Tensor:
        """Compute p.

        Args:
            input: x, any shape, not empty.
            dim: The axis along which probabilities sum to one.

        Returns:
            Same shape.
        """
        shifted = input - input.amax(dim, keepdim=True)
        # In place saves memory and time; but autocast gives the result a longer type.
        exponentials = shifted.exp() if autocast_is_on(input) else shifted.exp_()
        return exponentials.div_(exponentials.sum(dim, keepdim=True))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep p for both modes of differentiation.

        Args:
            ctx: Where to keep it.
            inputs: The arguments of :meth:`forward`.
            output: Its result.
        """
        ctx.dim = inputs[1]
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        """Compute the gradient by x, see above.

        Args:
            ctx: What :meth:`setup_context` kept.
            grad_outputs: The gradient by p.

        Returns:
            The gradient by x, and None for ``dim``.
        """
        return _times_derivatives(ctx, grad_outputs[0]), None

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Tensor:
        """Compute how p changes as x does, see above.

        Args:
            ctx: What :meth:`setup_context` kept.
            grad_inputs: The change of x, and None for ``dim``.

        Returns:
            The change of p.
        """
        return _times_derivatives(ctx, grad_inputs[0])


def _times_derivatives(ctx: Any, change: Tensor) -> Tensor:
    (p,) = ctx.saved_tensors
    weighted = p * change
    return weighted.addcmul_(p, weighted.sum(ctx.dim, keepdim=True), value=-1)
