"""Learn without labels: two views of one image belong together, others do not."""

import torch
from torch import Tensor

from dlbook import nn
from dlbook.nn.checks import check_positive, check_same_shape, shape_of


def nt_xent_loss(first: Tensor, second: Tensor, temperature: float = 0.5) -> Tensor:
    """Ask each view which of all others in the batch shows the same image.

    The normalized temperature-scaled cross-entropy of Chen et al. (2020), eq. (1):
    cosine similarities over τ are the scores of a choice among the 2 n - 1 other views,
    and the right one is the partner; the mean over all 2 n views.

    Args:
        first: One view of each image, ``(n, features)``.
        second: Another view of each, same shape.
        temperature: τ.

    Returns:
        Nats; log(2 n - 1) if all views are equal.

    Raises:
        ValueError: If the shapes differ, there is one image only, or ``temperature`` is
            not positive.
    """
    check_same_shape(first, second, "nt_xent_loss")
    if first.ndim != 2 or len(first) < 2:
        raise ValueError(
            "nt_xent_loss expects views (n, features) of at least 2 images, got "
            f"{shape_of(first)}"
        )
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    views = torch.cat([first, second])
    views = views / views.norm(dim=1, keepdim=True).clamp(min=1e-12)
    scores = views @ views.T / temperature
    scores.fill_diagonal_(-torch.inf)
    partners = torch.arange(len(views), device=views.device).roll(len(first))
    return nn.CrossEntropyLoss()(scores, partners)


class SimCLR(nn.Module):
    """An encoder to keep, and a projection for the loss that is thrown away later.

    Chen et al. (2020), §2.1.

    Args:
        encoder: From images to features ``(batch, features)``.
        features: Size of those.
        projection: Size of what the loss compares.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(self, encoder: nn.Module, features: int, projection: int = 32) -> None:
        super().__init__()
        check_positive("features", features)
        self.encoder = encoder
        self.projection = nn.Sequential(
            nn.Linear(features, features),
            nn.ReLU(),
            nn.Linear(features, check_positive("projection", projection)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Project.

        Args:
            images: ``(batch, channels, height, width)``.

        Returns:
            ``(batch, projection)``.
        """
        return self.projection(self.encoder(images))
