"""Autoencoders: say an image in a few numbers, and draw it again from them."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_codes, check_images, check_levels
from dlbook.nn.checks import check_positive
from dlbook.nn.windows import output_size, transposed_output_size

_WINDOW = (4, 2, 1)  # kernel size, stride, padding: halves a size, transposed doubles


class Autoencoder(nn.Module):
    """Squeeze an image through a narrow code, with affine layers.

    The decoder has the encoder's sizes in reverse. Hinton and Salakhutdinov (2006), but
    without their layer-wise pre-training and tied first weights. Without hidden layers
    and with :class:`~dlbook.nn.Identity` as output it is linear: the best such network
    spans what principal component analysis finds (Baldi and Hornik, 1989).

    Args:
        image_shape: Channels, height and width.
        hidden_features: Sizes of the encoder's hidden layers.
        code_features: Size of the code.
        activation: Makes the layer after each hidden one.
        code: Makes the layer after the code; default none.
        output: Makes the last layer; Sigmoid for pixels between 0 and 1.

    Attributes:
        encoder: From the image to the code.
        decoder: From the code to the image.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 8, 8),
        hidden_features: Sequence[int] = (64,),
        code_features: int = 8,
        activation: Callable[[], nn.Module] = nn.ReLU,
        code: Callable[[], nn.Module] = nn.Identity,
        output: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.image_shape = check_levels(image_shape, 3, "Autoencoder")
        sizes = [math.prod(self.image_shape), *hidden_features]
        self.code_features = check_positive("code_features", code_features)
        encoder: list[nn.Module] = [nn.Flatten()]
        decoder: list[nn.Module] = [output()]
        for seen, made in pairwise(sizes):
            encoder += [nn.Linear(seen, check_positive("hidden", made)), activation()]
            decoder = [activation(), nn.Linear(made, seen), *decoder]
        encoder += [nn.Linear(sizes[-1], code_features), code()]
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(nn.Linear(code_features, sizes[-1]), *decoder)

    def encode(self, images: Tensor) -> Tensor:
        """Say each image in ``code_features`` numbers.

        Args:
            images: ``(batch, *image_shape)``.

        Returns:
            ``(batch, code_features)``.

        Raises:
            ValueError: If the shape is another.
        """
        check_images(images, self.image_shape, "Autoencoder")
        return self.encoder(images)

    def decode(self, codes: Tensor) -> Tensor:
        """Draw an image from each code.

        Args:
            codes: ``(batch, code_features)``.

        Returns:
            ``(batch, *image_shape)``.

        Raises:
            ValueError: If the shape is another.
        """
        check_codes(codes, self.code_features, "Autoencoder")
        return self.decoder(codes).unflatten(1, self.image_shape)

    def forward(self, input: Tensor) -> Tensor:
        """Encode and decode again.

        Args:
            input: ``(batch, *image_shape)``.

        Returns:
            The same shape: what the code kept.

        Raises:
            ValueError: If the shape is another.
        """
        return self.decode(self.encode(input))


class ConvAutoencoder(nn.Module):
    """Squeeze an image through a narrow code, and learn what it can do without.

    The encoder halves the image with strided convolutions and ends in an affine map to
    the code; the decoder is its mirror image, with transposed convolutions. Hinton and
    Salakhutdinov (2006); with convolutions, Masci et al. (2011). Kernels of 4 × 4 with
    stride 2, so that all pixels get equally many stamps; ReLU between the layers. Odd
    sizes are rounded down on the way in, which ``output_padding`` makes good on the way
    out.

    Args:
        in_channels: Channels of the image.
        image_size: Height and width of the image, pixels.
        channels: Channels after each convolution.
        code_features: Size of the code.
        output: Makes the last layer; Sigmoid for pixels between 0 and 1.

    Attributes:
        encoder: From the image to the code.
        expand: From the code to the smallest feature maps, flat.
        decoder: From there to the image.

    Raises:
        ValueError: If a size is below one, or the image too small to be halved as often
            as there are channels.
    """

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        channels: Sequence[int] = (16, 32),
        code_features: int = 32,
        output: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        channels = check_levels(channels, 1, "ConvAutoencoder")
        self.image_shape = (in_channels, image_size, image_size)
        self.code_features = check_positive("code_features", code_features)
        sizes = [check_positive("image_size", image_size)]
        encoder: list[nn.Module] = []
        decoder: list[nn.Module] = []
        for seen, made in pairwise((in_channels, *channels)):
            encoder += [nn.Conv2d(seen, made, *_WINDOW), nn.ReLU()]
            sizes.append(output_size(sizes[-1], *_WINDOW))
            more = sizes[-2] - transposed_output_size(sizes[-1], *_WINDOW)
            back = nn.ConvTranspose2d(made, seen, *_WINDOW, more)
            decoder = [nn.ReLU(), back, *decoder]
        self.smallest = (channels[-1], sizes[-1], sizes[-1])
        flat = channels[-1] * sizes[-1] ** 2
        code = nn.Linear(flat, code_features)
        self.encoder = nn.Sequential(*encoder, nn.Flatten(), code)
        self.expand = nn.Linear(code_features, flat)
        self.decoder = nn.Sequential(*decoder, output())

    def encode(self, images: Tensor) -> Tensor:
        """Say each image in ``code_features`` numbers.

        Args:
            images: ``(batch, in_channels, image_size, image_size)``.

        Returns:
            ``(batch, code_features)``.

        Raises:
            ValueError: If the shape is another.
        """
        check_images(images, self.image_shape, "ConvAutoencoder")
        return self.encoder(images)

    def decode(self, codes: Tensor) -> Tensor:
        """Draw an image from each code.

        Args:
            codes: ``(batch, code_features)``.

        Returns:
            ``(batch, in_channels, image_size, image_size)``.

        Raises:
            ValueError: If the shape is another.
        """
        check_codes(codes, self.code_features, "ConvAutoencoder")
        return self.decoder(self.expand(codes).unflatten(1, self.smallest))

    def forward(self, input: Tensor) -> Tensor:
        """Encode and decode again.

        Args:
            input: ``(batch, in_channels, image_size, image_size)``.

        Returns:
            The same shape: what the code kept.

        Raises:
            ValueError: If the shape is another.
        """
        return self.decode(self.encode(input))
