"""Muon: momentum whose directions are all made equally long."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from dlbook.optim.optimizer import PerParameterOptimizer, remembered

_MAX_STEPS = 100  # torch's limit, too


class Muon(PerParameterOptimizer):
    """Step equally far along all directions that the momentum of a matrix contains.

    For each matrix θ of m rows and n columns with gradient G::

        B ← μ B + (1 - μ) G                          momentum
        U = μ B + (1 - μ) G   or   U = B             with or without Nesterov's variant
        θ ← θ - η λ θ                                decoupled weight decay
        θ ← θ - η √max(1, m / n) · orthogonalized(U)

    Jordan et al. (2024), whose B ← μ B + G has the same directions. Made for hidden
    layers; train embeddings, the last layer, biases and gains with AdamW.

    Deviates from torch for bfloat16 parameters without Nesterov's variant: there torch
    2.13 normalizes B in place, so that the momentum forgets its length in every step.

    Args:
        params: Matrices, (name, matrix) pairs, or groups of them with own options.
        lr: η, the learning rate; a number or a tensor of one element.
        weight_decay: λ, how strongly parameters are pulled to 0.
        momentum: μ, the share of the past in B.
        nesterov: Average the gradient into the momentum once more.
        ns_coefficients: a, b and c of :func:`~dlbook.optim.muon.orthogonalized`.
        eps: The smallest length that U is divided by.
        ns_steps: How often that function iterates; below 100.
        adjust_lr_fn: What η is multiplied by: ``"original"`` or None means
            √max(1, m / n); ``"match_rms_adamw"`` means 0.2 √max(m, n), which makes
            steps as large as AdamW's usual ones (Liu et al., 2025).

    Raises:
        ValueError: If a number is out of range, a parameter is no matrix, or an option
            has none of the values above.
        TypeError: If a parameter is complex.
    """

    not_negative: ClassVar[tuple[str, ...]] = (
        "lr",
        "weight_decay",
        "momentum",
        "eps",
        "ns_steps",
    )

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            ns_coefficients=ns_coefficients,
            eps=eps,
            ns_steps=ns_steps,
            adjust_lr_fn=adjust_lr_fn,
        )

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse an iteration that cannot be done, and what all refuse.

        Args:
            options: All options of one group.

        Raises:
            ValueError: If a number is out of range or an option unknown.
            NotImplementedError: If an option is true that is not implemented.
        """
        super().check_options(options)
        coefficients, steps = options["ns_coefficients"], options["ns_steps"]
        if len(coefficients) != 3:
            raise ValueError(
                f"Muon: ns_coefficients must be three numbers, got {coefficients}"
            )
        if steps >= _MAX_STEPS:
            raise ValueError(f"Muon: ns_steps must be below {_MAX_STEPS}, got {steps}")
        if options["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                "Muon: adjust_lr_fn must be None, 'original' or 'match_rms_adamw', got "
                f"{options['adjust_lr_fn']!r}"
            )

    def check_parameter(self, parameter: Tensor) -> None:
        """Refuse a parameter that is no matrix, or complex.

        Args:
            parameter: One that is about to be added.

        Raises:
            ValueError: If it has not two axes.
            TypeError: If it is complex.
        """
        super().check_parameter(parameter)
        if parameter.ndim != 2:
            raise ValueError(
                "Muon: parameters must be matrices, got one of shape "
                f"{tuple(parameter.shape)}; train it with AdamW"
            )

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        lr, momentum = group["lr"], group["momentum"]
        buffer = remembered(self.state[parameter], "momentum_buffer", grad)
        buffer.lerp_(grad, 1 - momentum)
        update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        update = orthogonalized(
            update, group["ns_coefficients"], group["ns_steps"], group["eps"]
        )
        rows, columns = parameter.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            factor = 0.2 * math.sqrt(max(rows, columns))
        else:
            factor = math.sqrt(max(1, rows / columns))
        parameter.mul_(float(1 - lr * group["weight_decay"]))
        parameter.add_(update, alpha=-float(lr * factor))


def orthogonalized(
    matrix: Tensor,
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
    steps: int = 5,
    eps: float = 1e-7,
) -> Tensor:
    """Bring all singular values of a matrix near 1 and keep its singular vectors.

    Newton and Schulz's iteration, with a polynomial of fifth degree::

        X ← X / ‖X‖                        Frobenius norm: singular values are at most 1
        X ← a X + (b A + c A²) X           with A = X Xᵀ, a few times

    takes each singular value σ to a σ + b σ³ + c σ⁵ and needs matrix products only.
    The default polynomial (Jordan et al., 2024) moves small σ up fast: after five steps
    all that were 0.01 or more are between 0.68 and 1.14, but for rounding.

    Args:
        matrix: ``(rows, columns)``.
        coefficients: a, b and c.
        steps: How often the polynomial is applied.
        eps: The smallest norm that the matrix is divided by.

    Returns:
        ``(rows, columns)`` in bfloat16, in which all of it is computed, as in torch.
    """
    a, b, c = coefficients
    x = matrix.bfloat16()
    is_tall = matrix.shape[0] > matrix.shape[1]
    if is_tall:  # the smaller of X Xᵀ and Xᵀ X is cheaper
        x = x.T
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if is_tall else x
