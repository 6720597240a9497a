"""VGG: depth from small kernels, and nothing else."""

from collections.abc import Sequence

from torch import Tensor

from dlbook import nn
from dlbook.nn import init
from dlbook.nn.checks import check_positive


class VGG(nn.Module):
    """Stack 3 × 3 convolutions; halve the image and add channels from stage to stage.

    Two 3 × 3 convolutions see 5 × 5 pixels, three see 7 × 7, with fewer weights than
    one large kernel and more activations. Simonyan and Zisserman (2015), §2 and
    table 1; the defaults are its configuration D. The names of the layers are
    torchvision's, and so are the first values: Kaiming normal with fan-out for
    convolutions, normal with standard deviation 0.01 for affine maps, biases 0.

    Between convolutions and classifier, an average over ``places`` × ``places`` regions
    lets images of any size in. That is torchvision's addition: the paper crops to
    224 × 224 pixels, of which 7 × 7 places are left anyway, and nothing is averaged.

    Args:
        convolutions: Number of convolutions in each stage; 2 × 2 pooling ends a stage.
        channels: Channels of each stage's convolutions.
        num_classes: Size of the output.
        in_channels: Channels of the image.
        places: Height and width of what the classifier sees; 1 averages globally.
        hidden_features: Sizes of the classifier's hidden layers; may be empty.
        batch_norm: Whether :class:`~dlbook.nn.BatchNorm2d` follows each convolution, as
            in torchvision's ``vgg16_bn``; the paper is older than it.
        dropout: Probability of silencing a hidden feature while training.

    Attributes:
        features: The convolutions, activations and poolings.
        avgpool: The average over regions.
        classifier: The affine maps, with ReLU and dropout after each but the last.

    Raises:
        ValueError: If ``convolutions`` and ``channels`` differ in length, are empty, or
            hold a number below one.
    """

    def __init__(
        self,
        convolutions: Sequence[int] = (2, 2, 3, 3, 3),
        channels: Sequence[int] = (64, 128, 256, 512, 512),
        num_classes: int = 1000,
        in_channels: int = 3,
        places: int = 7,
        hidden_features: Sequence[int] = (4096, 4096),
        batch_norm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if len(convolutions) != len(channels) or not channels:
            raise ValueError(
                "VGG needs as many convolutions as channels, one number for each "
                f"stage, got {tuple(convolutions)} and {tuple(channels)}"
            )
        layers: list[nn.Module] = []
        seen = in_channels
        for depth, wide in zip(convolutions, channels, strict=True):
            for _ in range(check_positive("convolutions of each stage", depth)):
                layers.append(nn.Conv2d(seen, wide, 3, padding=1))
                layers += [nn.BatchNorm2d(wide)] if batch_norm else []
                layers.append(nn.ReLU())
                seen = wide
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(places)
        layers, size = [], seen * places**2
        for hidden in hidden_features:
            layers += [nn.Linear(size, hidden), nn.ReLU(), nn.Dropout(dropout)]
            size = hidden
        self.classifier = nn.Sequential(*layers, nn.Linear(size, num_classes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new first values of convolutions and affine maps, see the class."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, nn.Linear):
                init.normal_(layer.weight, std=0.01)
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                init.zeros_(layer.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Compute the class scores of a batch of images.

        Args:
            input: ``(batch, in_channels, height, width)``; height and width at least 2
                to the power of the number of stages.

        Returns:
            ``(batch, num_classes)``.

        Raises:
            ValueError: If the shape is another, or the images are too small.
        """
        return self.classifier(self.avgpool(self.features(input)).flatten(1))


def vgg16(num_classes: int = 1000, in_channels: int = 3) -> VGG:
    """Make the VGG of 16 layers with weights, for photographs.

    Simonyan and Zisserman (2015), table 1, configuration D. Its state dict has
    torchvision's keys and shapes. Nine in ten of its 138 million numbers belong to the
    three affine maps: in float32 it takes 550 MB.

    Args:
        num_classes: Size of the output.
        in_channels: Channels of the image.

    Returns:
        The network with random first values.
    """
    return VGG(num_classes=num_classes, in_channels=in_channels)
