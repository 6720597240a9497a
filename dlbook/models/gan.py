"""Generative adversarial networks: one network draws, another tells drawn from real."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_codes, check_levels
from dlbook.nn import init
from dlbook.nn.checks import check_positive, shape_of

_WINDOW = (4, 2, 1)  # kernel size, stride, padding: halves a size, transposed doubles


class _Conditional(nn.Module):
    """What networks share that may be told a class.

    Args:
        num_classes: Number of classes; None for a network without.
    """

    def __init__(self, num_classes: int | None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.extra = (
            0 if num_classes is None else check_positive("classes", num_classes)
        )

    def with_class(self, x: Tensor, classes: Tensor | None) -> Tensor:
        """Append the class to vectors as zeros and a one, or to images as such planes.

        Args:
            x: ``(batch, features)`` or ``(batch, channels, height, width)``.
            classes: ``(batch,)``; None for a network without classes.

        Returns:
            The same with ``num_classes`` more features or channels, or unchanged.

        Raises:
            ValueError: If classes are missing, superfluous or unknown.
        """
        if (classes is None) != (self.num_classes is None):
            raise ValueError(
                f"{type(self).__name__} has num_classes={self.num_classes}, got "
                f"{'no classes' if classes is None else 'classes'}"
            )
        if classes is None:
            return x
        if classes.shape != x.shape[:1]:
            raise ValueError(
                f"expected classes of shape ({len(x)},), got {shape_of(classes)}"
            )
        if classes.min() < 0 or classes.max() >= self.extra:
            raise ValueError(
                f"classes must lie in 0 … {self.extra - 1}, got "
                f"{classes.min().item()} … {classes.max().item()}"
            )
        marks = torch.nn.functional.one_hot(classes, self.extra).to(x.dtype)
        marks = marks.reshape(*marks.shape, *[1] * (x.ndim - 2))
        return torch.cat([x, marks.expand(-1, -1, *x.shape[2:])], dim=1)


class Generator(_Conditional):
    """Turn noise into samples, with affine layers.

    Goodfellow et al. (2014); told a class, Mirza and Osindero (2014).

    Args:
        noise_features: Size of the noise.
        shape: Of a sample: ``(2,)`` for points of a plane, or that of an image.
        hidden_features: Sizes of the hidden layers.
        num_classes: Number of classes; None for a network without.
        output: Makes the last layer.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        noise_features: int = 16,
        shape: Sequence[int] = (1, 8, 8),
        hidden_features: Sequence[int] = (128, 128),
        num_classes: int | None = None,
        output: Callable[[], nn.Module] = nn.Identity,
    ) -> None:
        super().__init__(num_classes)
        self.noise_features = check_positive("noise_features", noise_features)
        self.shape = check_levels(shape, 1, "Generator")
        sizes = [noise_features + self.extra, *hidden_features]
        self.layers = nn.Sequential(
            *_affine(sizes, nn.ReLU), nn.Linear(sizes[-1], math.prod(shape)), output()
        )

    def forward(self, noise: Tensor, classes: Tensor | None = None) -> Tensor:
        """Draw.

        Args:
            noise: ``(batch, noise_features)``.
            classes: ``(batch,)``, only for a network with classes.

        Returns:
            ``(batch, *shape)``.

        Raises:
            ValueError: If a shape is another, or classes are missing or unknown.
        """
        check_codes(noise, self.noise_features, "Generator")
        drawn = self.layers(self.with_class(noise, classes))
        return drawn.unflatten(1, self.shape)


class Discriminator(_Conditional):
    """Score how real samples look, with affine layers.

    Args:
        shape: Of a sample.
        hidden_features: Sizes of the hidden layers.
        num_classes: Number of classes; None for a network without.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        shape: Sequence[int] = (1, 8, 8),
        hidden_features: Sequence[int] = (128, 128),
        num_classes: int | None = None,
    ) -> None:
        super().__init__(num_classes)
        self.shape = check_levels(shape, 1, "Discriminator")
        sizes = [math.prod(self.shape) + self.extra, *hidden_features]
        self.layers = nn.Sequential(
            *_affine(sizes, lambda: nn.LeakyReLU(0.2)), nn.Linear(sizes[-1], 1)
        )

    def forward(self, samples: Tensor, classes: Tensor | None = None) -> Tensor:
        """Score.

        Args:
            samples: ``(batch, *shape)``.
            classes: ``(batch,)``, only for a network with classes.

        Returns:
            Logits of being real, ``(batch,)``.

        Raises:
            ValueError: If a shape is another, or classes are missing or unknown.
        """
        _check_samples(samples, self.shape, "Discriminator")
        seen = self.with_class(samples.flatten(1), classes)
        return self.layers(seen).squeeze(1)


class DCGANGenerator(_Conditional):
    """Turn noise into images with transposed convolutions.

    Radford et al. (2016), §3: no pooling, no hidden affine layers, normalization after
    every layer but the last, ReLU, and tanh at the end, so pixels lie between -1 and 1.
    The first layer turns the noise into maps of a quarter of the image's size, or less.

    Args:
        noise_features: Size of the noise.
        image_size: Height and width, pixels; a multiple of 2 to the power of the number
            of ``channels``.
        channels: Channels of the hidden maps, the smallest map first.
        out_channels: Channels of the image.
        num_classes: Number of classes; None for a network without.
        normalize: Whether to normalize.

    Raises:
        ValueError: If a size is below one or the image's does not fit.
    """

    def __init__(
        self,
        noise_features: int = 16,
        image_size: int = 8,
        channels: Sequence[int] = (64, 32),
        out_channels: int = 1,
        num_classes: int | None = None,
        normalize: bool = True,
    ) -> None:
        super().__init__(num_classes)
        channels = check_levels(channels, 1, "DCGANGenerator")
        self.noise_features = check_positive("noise_features", noise_features)
        smallest = _smallest(image_size, len(channels))
        first = nn.ConvTranspose2d(noise_features + self.extra, channels[0], smallest)
        layers: list[nn.Module] = [first, *_between(channels[0], normalize), nn.ReLU()]
        for seen, made in pairwise(channels):
            layers += [nn.ConvTranspose2d(seen, made, *_WINDOW)]
            layers += [*_between(made, normalize), nn.ReLU()]
        layers += [nn.ConvTranspose2d(channels[-1], out_channels, *_WINDOW), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        _draw_weights(self)

    def forward(self, noise: Tensor, classes: Tensor | None = None) -> Tensor:
        """Draw.

        Args:
            noise: ``(batch, noise_features)``.
            classes: ``(batch,)``, only for a network with classes.

        Returns:
            ``(batch, out_channels, image_size, image_size)``, from -1 to 1.

        Raises:
            ValueError: If a shape is another, or classes are missing or unknown.
        """
        check_codes(noise, self.noise_features, "DCGANGenerator")
        return self.layers(self.with_class(noise, classes)[:, :, None, None])


class DCGANDiscriminator(_Conditional):
    """Score how real images look, with strided convolutions.

    Radford et al. (2016), §3: the generator's mirror image, with leaky ReLU and without
    normalization of the first layer.

    Args:
        image_size: Height and width, pixels; a multiple of 2 to the power of the number
            of ``channels``.
        channels: Channels of the hidden maps, the largest map first.
        in_channels: Channels of the image.
        num_classes: Number of classes; None for a network without.
        normalize: Whether to normalize.

    Raises:
        ValueError: If a size is below one or the image's does not fit.
    """

    def __init__(
        self,
        image_size: int = 8,
        channels: Sequence[int] = (32, 64),
        in_channels: int = 1,
        num_classes: int | None = None,
        normalize: bool = True,
    ) -> None:
        super().__init__(num_classes)
        channels = check_levels(channels, 1, "DCGANDiscriminator")
        self.shape = (in_channels, image_size, image_size)
        smallest = _smallest(image_size, len(channels))
        layers: list[nn.Module] = []
        for seen, made in pairwise((in_channels + self.extra, *channels)):
            layers += [nn.Conv2d(seen, made, *_WINDOW)]
            layers += [
                *_between(made, normalize and len(layers) > 1),
                nn.LeakyReLU(0.2),
            ]
        layers += [nn.Conv2d(channels[-1], 1, smallest), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)
        _draw_weights(self)

    def forward(self, samples: Tensor, classes: Tensor | None = None) -> Tensor:
        """Score.

        Args:
            samples: ``(batch, in_channels, image_size, image_size)``.
            classes: ``(batch,)``, only for a network with classes.

        Returns:
            Logits of being real, ``(batch,)``.

        Raises:
            ValueError: If a shape is another, or classes are missing or unknown.
        """
        _check_samples(samples, self.shape, "DCGANDiscriminator")
        return self.layers(self.with_class(samples, classes))


def _affine(
    sizes: Sequence[int], activation: Callable[[], nn.Module]
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for seen, made in pairwise(sizes):
        layers += [nn.Linear(seen, check_positive("hidden", made)), activation()]
    return layers


def _between(channels: int, normalize: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if normalize else []


def _smallest(image_size: int, levels: int) -> int:
    if check_positive("image_size", image_size) % 2**levels != 0:
        raise ValueError(
            f"image_size must be a multiple of {2**levels}, got {image_size}"
        )
    return image_size // 2**levels


def _draw_weights(network: nn.Module) -> None:
    """Draw all weights with a standard deviation of 0.02 (Radford et al., 2016, §4)."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d) and layer.weight is not None:
            init.normal_(layer.weight, 1.0, 0.02)


def _check_samples(samples: Tensor, shape: Sequence[int], network: str) -> None:
    if samples.shape[1:] != tuple(shape):
        raise ValueError(
            f"{network} expects samples of shape (batch, "
            f"{', '.join(map(str, shape))}), got {shape_of(samples)}"
        )
