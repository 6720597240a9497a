"""What to ask of a code besides reconstruction: sparsity, or calm."""

from collections.abc import Callable

import torch
from torch import Tensor

from dlbook.nn.checks import check_floating, shape_of


def sparsity_penalty(codes: Tensor, target: float = 0.05) -> Tensor:
    """Measure how far the units' mean activations are from a small one.

    Σ_j KL(ρ ‖ ρ̂_j), the divergence between coins that fall on 1 with probability ρ and
    with ρ̂_j, the mean of unit j over the batch: Ng (2011), section "Autoencoders and
    sparsity".

    Args:
        codes: ``(batch, features)``, strictly between 0 and 1.
        target: ρ, strictly between 0 and 1.

    Returns:
        One number, not negative; 0 where every mean is ρ.

    Raises:
        ValueError: If the shape is another, or ``target`` or a mean out of range.
        TypeError: If the codes are not floating-point.
    """
    check_floating(codes, "sparsity_penalty", "codes")
    if codes.ndim != 2 or len(codes) == 0:
        raise ValueError(
            f"sparsity_penalty expects codes (batch, features), got {shape_of(codes)}"
        )
    if not 0 < target < 1:
        raise ValueError(f"target must lie strictly between 0 and 1, got {target}")
    mean = codes.mean(0)
    if not ((mean > 0) & (mean < 1)).all():
        raise ValueError(
            "sparsity_penalty needs mean activations strictly between 0 and 1, got "
            f"{mean.min().item():g} to {mean.max().item():g}"
        )
    lit = target * (target / mean).log()
    dark = (1 - target) * ((1 - target) / (1 - mean)).log()
    return (lit + dark).sum()


def contractive_penalty(encode: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Measure how strongly a code answers to small changes of its image.

    The mean over the batch of ‖∂code / ∂image‖², the sum of the squares of all partial
    derivatives: Rifai et al. (2011), §2. One backward pass a feature; the result can be
    differentiated again.

    Args:
        encode: From images to codes ``(batch, features)``; it must treat each image by
            itself.
        images: ``(batch, ...)``, floating-point.

    Returns:
        One number, not negative.

    Raises:
        TypeError: If the images are not floating-point.
    """
    check_floating(images, "contractive_penalty", "images")
    images = images.detach().requires_grad_()
    total = images.new_zeros(())
    for feature in encode(images).unbind(1):
        [slope] = torch.autograd.grad(feature.sum(), images, create_graph=True)
        total = total + slope.square().sum()
    return total / len(images)
