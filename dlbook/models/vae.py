"""Variational autoencoders: codes that can be drawn by chance."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_codes, check_images, check_levels
from dlbook.nn.checks import check_positive, check_same_shape, shape_of


class VAEOutput(NamedTuple):
    """What a variational autoencoder says of a batch of images.

    Attributes:
        logits: Of the probability that each pixel is white, ``(batch, *image_shape)``,
            for one code drawn for each image.
        mean: Of the codes' distribution, ``(batch, code_features)``.
        log_variance: Logarithms of their variances, likewise.
    """

    logits: Tensor
    mean: Tensor
    log_variance: Tensor


class VAE(nn.Module):
    """Encode an image as a distribution over codes, and decode a code drawn from it.

    Kingma and Welling (2014), appendix C: the code's posterior is normal with a
    diagonal covariance, its prior standard normal, and each pixel a coin. With classes
    both sides see the image's class: Sohn et al. (2015).

    Args:
        image_shape: Channels, height and width.
        hidden_features: Sizes of the encoder's hidden layers; the decoder has them in
            reverse.
        code_features: Size of the code.
        num_classes: Number of classes; None for a model without.

    Attributes:
        encoder: From the image (and its class) to the mean and the log-variance.
        decoder: From the code (and the class) to the pixels' logits.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 8, 8),
        hidden_features: Sequence[int] = (128,),
        code_features: int = 8,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        self.image_shape = check_levels(image_shape, 3, "VAE")
        hidden = check_levels(hidden_features, 0, "VAE")
        self.code_features = check_positive("code_features", code_features)
        self.num_classes = num_classes
        classes = check_positive("num_classes", num_classes) if num_classes else 0
        pixels = math.prod(self.image_shape)
        self.encoder = _layers([pixels + classes, *hidden, 2 * code_features])
        self.decoder = _layers([code_features + classes, *reversed(hidden), pixels])

    def encode(
        self, images: Tensor, classes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Give the distribution of each image's code.

        Args:
            images: ``(batch, *image_shape)``, pixels between 0 and 1.
            classes: ``(batch,)``, only for a model with classes.

        Returns:
            Mean and log-variance, each ``(batch, code_features)``.

        Raises:
            ValueError: If a shape is another, or classes are missing or unknown.
        """
        check_images(images, self.image_shape, "VAE")
        seen = self._with_classes(images.flatten(1), classes)
        mean, log_variance = self.encoder(seen).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, codes: Tensor, classes: Tensor | None = None) -> Tensor:
        """Score each pixel's whiteness, given codes.

        Args:
            codes: ``(batch, code_features)``.
            classes: ``(batch,)``, only for a model with classes.

        Returns:
            Logits ``(batch, *image_shape)``.

        Raises:
            ValueError: If a shape is another, or classes are missing or unknown.
        """
        check_codes(codes, self.code_features, "VAE")
        return self.decoder(self._with_classes(codes, classes)).unflatten(
            1, self.image_shape
        )

    def forward(self, images: Tensor, classes: Tensor | None = None) -> VAEOutput:
        """Encode, draw a code for each image, decode.

        Args:
            images: ``(batch, *image_shape)``, pixels between 0 and 1.
            classes: ``(batch,)``, only for a model with classes.

        Returns:
            Logits, and the distribution that the codes were drawn from.
        """
        mean, log_variance = self.encode(images, classes)
        codes = draw_code(mean, log_variance)
        return VAEOutput(self.decode(codes, classes), mean, log_variance)

    @torch.no_grad()
    def sample(
        self,
        count: int,
        classes: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw codes from the prior, and decode them.

        Args:
            count: Number of images.
            classes: ``(count,)``, only for a model with classes.
            generator: Draws; on the model's device.

        Returns:
            Probabilities that pixels are white, ``(count, *image_shape)``.

        Raises:
            ValueError: If ``count`` is not positive, or classes are missing or unknown.
        """
        some = next(self.parameters())
        shape = (check_positive("count", count), self.code_features)
        codes = torch.randn(shape, generator=generator, device=some.device)
        return self.decode(codes.to(some.dtype), classes).sigmoid()

    def _with_classes(self, x: Tensor, classes: Tensor | None) -> Tensor:
        if self.num_classes is None:
            if classes is not None:
                raise ValueError("this VAE was built without classes, got some")
            return x
        if classes is None or classes.shape != x.shape[:1]:
            got = "none" if classes is None else shape_of(classes)
            raise ValueError(f"this VAE expects classes of shape (batch,), got {got}")
        if classes.min() < 0 or classes.max() >= self.num_classes:
            raise ValueError(
                f"classes must lie in 0 … {self.num_classes - 1}, got "
                f"{classes.min().item()} … {classes.max().item()}"
            )
        one_hot = torch.nn.functional.one_hot(classes, self.num_classes)
        return torch.cat([x, one_hot.to(x.dtype)], dim=1)


def _layers(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for seen, made in pairwise(sizes):
        layers += [nn.Linear(seen, made), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def draw_code(
    mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Draw from normal distributions so that gradients reach their parameters.

    μ + σ ε with ε standard normal: Kingma and Welling (2014), §2.4.

    Args:
        mean: μ, any shape.
        log_variance: log σ², same shape.
        generator: Draws ε; default torch's own.

    Returns:
        Same shape.
    """
    check_same_shape(mean, log_variance, "draw_code")
    noise = torch.randn(
        mean.shape, generator=generator, device=mean.device, dtype=mean.dtype
    )
    return mean + (log_variance / 2).exp() * noise


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Compute the divergence of normal distributions from the standard one.

    KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (μ² + σ² - 1 - log σ²): Kingma and Welling (2014),
    appendix B.

    Args:
        mean: μ, ``(batch, code_features)``.
        log_variance: log σ², same shape.

    Returns:
        Nats, ``(batch,)``.
    """
    check_same_shape(mean, log_variance, "gaussian_kl")
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return terms.sum(1) / 2


def evidence_lower_bound(
    output: VAEOutput, images: Tensor, beta: float = 1.0
) -> Tensor:
    """Bound the log-probability of images from below.

    log p(x | z) - β KL(q(z | x) ‖ p(z)), with one z drawn for each image; for β = 1 its
    mean over z is at most log p(x). Kingma and Welling (2014), eq. (3); with another β,
    Higgins et al. (2017), eq. (4). A grey pixel counts as a coin that falls on white
    with that probability, so the number is a true bound only for black and white ones.

    Args:
        output: Of the model, for these images.
        images: ``(batch, *image_shape)``, pixels between 0 and 1.
        beta: Weight of the divergence.

    Returns:
        Nats, ``(batch,)``.
    """
    check_same_shape(output.logits, images, "evidence_lower_bound")
    loss = nn.BCEWithLogitsLoss(reduction="none")(output.logits, images)
    kl = gaussian_kl(output.mean, output.log_variance)
    return -loss.flatten(1).sum(1) - beta * kl


def vae_loss(output: VAEOutput, images: Tensor, beta: float = 1.0) -> Tensor:
    """Give what to minimize: minus the mean of :func:`evidence_lower_bound`.

    Args:
        output: Of the model, for these images.
        images: ``(batch, *image_shape)``, pixels between 0 and 1.
        beta: Weight of the divergence.

    Returns:
        Nats an image, one number.
    """
    return -evidence_lower_bound(output, images, beta).mean()


@torch.no_grad()
def importance_weighted_bound(
    model: VAE,
    images: Tensor,
    samples: int,
    classes: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Bound the log-probability of images more tightly, by many codes each.

    log (1/K Σ_k p(x | z_k) p(z_k) / q(z_k | x)) with z_k drawn from q: Burda et al.
    (2016), eq. (8). Its mean rises with K, towards log p(x).

    Args:
        model: In evaluation mode.
        images: ``(batch, *image_shape)``, black and white.
        samples: K.
        classes: ``(batch,)``, only for a model with classes.
        generator: Draws the codes; on the model's device.

    Returns:
        Nats, ``(batch,)``.

    Raises:
        ValueError: If ``samples`` is not positive, or a shape does not fit.
    """
    check_positive("samples", samples)
    mean, log_variance = model.encode(images, classes)
    weights = []
    for _ in range(samples):
        codes = draw_code(mean, log_variance, generator)
        logits = model.decode(codes, classes)
        pixels = nn.BCEWithLogitsLoss(reduction="none")(logits, images)
        standard = (codes - mean) * (-log_variance / 2).exp()
        # log p(z) - log q(z | x): the constants of both normals cancel.
        ratio = (standard.square() + log_variance - codes.square()).sum(1) / 2
        weights.append(ratio - pixels.flatten(1).sum(1))
    return torch.stack(weights).logsumexp(0) - math.log(samples)
