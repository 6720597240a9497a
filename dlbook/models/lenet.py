"""LeNet: the classical convolutional network."""

from collections.abc import Callable, Sequence

from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_images
from dlbook.nn.windows import output_size


class LeNet(nn.Module):
    """Find small patterns, then patterns of patterns, then decide.

    Two convolutions, each followed by an activation and 2 × 2 pooling, then three
    affine maps. LeCun et al. (1998), §II.B (LeNet-5), with today's plain pooling,
    connections between all channels and a linear output. Defaults make the original
    sizes: 28 × 28 pixels, 14 × 14 after the first pooling, 10 × 10 and 5 × 5 after the
    second convolution and pooling, hence 16 · 5 · 5 = 400 features.

    The first convolution keeps the image's size. The second one does not pad, as in
    the original; ``padding="same"`` makes it keep the size too. That is worth it for
    small images: of 8 × 8 pixels and kernels of 3 × 3 it leaves 2 × 2 places, not one.

    Args:
        in_channels: Channels of the image.
        image_size: Height and width of the image, pixels.
        num_classes: Size of the output.
        channels: Channels after the first and the second convolution.
        kernel_size: Height and width of the kernels, pixels.
        hidden_features: Sizes of the hidden layers of the classifier.
        activation: Makes the layer that follows each convolution and hidden layer.
        pool: Makes the pooling layer, given its size.
        padding: The second convolution's padding, as in :class:`~dlbook.nn.Conv2d`.

    Attributes:
        features: The convolutions, activations and poolings.
        classifier: The affine maps, after flattening.

    Raises:
        ValueError: If the image is too small for the kernels.
    """

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 10,
        channels: Sequence[int] = (6, 16),
        kernel_size: int = 5,
        hidden_features: Sequence[int] = (120, 84),
        activation: Callable[[], nn.Module] = nn.ReLU,
        pool: Callable[[int], nn.Module] = nn.MaxPool2d,
        padding: int | str = 0,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.image_size = image_size
        first, second = channels
        convolution = nn.Conv2d(first, second, kernel_size, padding=padding)
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, first, kernel_size, padding="same"),
            activation(),
            pool(2),
            convolution,
            activation(),
            pool(2),
        )
        layers: list[nn.Module] = [nn.Flatten()]
        in_features = second * _places(image_size, convolution) ** 2
        for hidden in hidden_features:
            layers += [nn.Linear(in_features, hidden), activation()]
            in_features = hidden
        self.classifier = nn.Sequential(*layers, nn.Linear(in_features, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        """Compute the class scores of a batch of images.

        Args:
            input: ``(batch, in_channels, image_size, image_size)``.

        Returns:
            ``(batch, num_classes)``.

        Raises:
            ValueError: If the images have another size.
        """
        image_shape = (self.in_channels, self.image_size, self.image_size)
        check_images(input, image_shape, "LeNet")
        return self.classifier(self.features(input))


def _places(image_size: int, convolution: nn.Conv2d) -> int:
    """Count the rows (or columns) after pooling, this convolution, and pooling."""
    size = output_size(image_size, 2, 2) + sum(convolution.padding_amounts()[0])
    return output_size(output_size(size, convolution.kernel_size[0]), 2, 2)
