"""Residual networks: blocks that add to their input instead of replacing it."""

from collections.abc import Sequence

from torch import Tensor

from dlbook import nn
from dlbook.nn import init
from dlbook.nn.checks import check_choice, check_integer, check_positive


class _Block(nn.Module):
    """What blocks of either kind share: the shortcut around the convolutions."""

    expansion: int  # channels of the output, for each of ``channels``

    def __init__(
        self, in_channels: int, channels: int, stride: int, residual: bool
    ) -> None:
        super().__init__()
        self.residual = residual
        self.relu = nn.ReLU()
        self._make_convolutions(in_channels, channels, stride)
        out_channels = channels * self.expansion
        changed = stride != 1 or in_channels != out_channels
        self.downsample: nn.Module | None = None
        if residual and changed:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def _make_convolutions(self, in_channels: int, channels: int, stride: int) -> None:
        raise NotImplementedError

    def convolutions(self, input: Tensor) -> Tensor:
        """Compute F(x), what the block adds to its shortcut."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        """Compute ReLU(F(x) + shortcut(x)), or ReLU(F(x)) without a shortcut.

        Args:
            input: x, ``(batch, in_channels, height, width)``.

        Returns:
            ``(batch, channels · expansion, out_height, out_width)``; with the stride s
            they are ⌈height / s⌉ and ⌈width / s⌉.

        Raises:
            ValueError: If the shape is another.
        """
        output = self.convolutions(input)
        if self.downsample is not None:
            output = output + self.downsample(input)
        elif self.residual:
            output = output + input
        return self.relu(output)


class BasicBlock(_Block):
    """Learn what to add to an image's features, with two 3 × 3 convolutions.

    y = ReLU(F(x) + x), where F is convolution, normalization, ReLU, convolution,
    normalization. He et al. (2016), §3.2, eq. (1), and figure 5 (left). Where the
    shape changes, a 1 × 1 convolution with normalization takes the place of x: eq. (2),
    option B of §4.1.

    Args:
        in_channels: Channels of the input.
        channels: Channels of both convolutions, and of the output.
        stride: Of the first convolution, and of the shortcut's.
        residual: Whether there is a shortcut; without, the block is a "plain" one.

    Attributes:
        downsample: The 1 × 1 convolution and its normalization; None where the shape
            stays or there is no shortcut.

    Raises:
        ValueError: If a size is below one.
    """

    expansion = 1

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, residual: bool = True
    ) -> None:
        super().__init__(in_channels, channels, stride, residual)

    def _make_convolutions(self, in_channels: int, channels: int, stride: int) -> None:
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def convolutions(self, input: Tensor) -> Tensor:
        """Compute F(x), what the block adds to its shortcut.

        Args:
            input: x, ``(batch, in_channels, height, width)``.

        Returns:
            ``(batch, channels, ⌈height / stride⌉, ⌈width / stride⌉)``, of both signs.
        """
        hidden = self.relu(self.bn1(self.conv1(input)))
        return self.bn2(self.conv2(hidden))


class Bottleneck(_Block):
    """Learn what to add with one 3 × 3 convolution between two cheap 1 × 1 ones.

    The first 1 × 1 convolution reduces the channels, the last one makes four times as
    many. He et al. (2016), §4.1, figure 5 (right). The original strides in the first
    1 × 1 convolution, which then looks at a quarter of the pixels only; this block
    deviates and strides in the 3 × 3 one, as torchvision's does ("V1.5").

    Args:
        in_channels: Channels of the input.
        channels: Channels of the 3 × 3 convolution; the output has four times as many.
        stride: Of the 3 × 3 convolution, and of the shortcut's.
        residual: Whether there is a shortcut; without, the block is a "plain" one.

    Attributes:
        downsample: As in :class:`BasicBlock`.

    Raises:
        ValueError: If a size is below one.
    """

    expansion = 4

    def __init__(
        self, in_channels: int, channels: int, stride: int = 1, residual: bool = True
    ) -> None:
        super().__init__(in_channels, channels, stride, residual)

    def _make_convolutions(self, in_channels: int, channels: int, stride: int) -> None:
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)

    def convolutions(self, input: Tensor) -> Tensor:
        """Compute F(x), what the block adds to its shortcut.

        Args:
            input: x, ``(batch, in_channels, height, width)``.

        Returns:
            ``(batch, 4 · channels, ⌈height / stride⌉, ⌈width / stride⌉)``, of both
            signs.
        """
        hidden = self.relu(self.bn1(self.conv1(input)))
        hidden = self.relu(self.bn2(self.conv2(hidden)))
        return self.bn3(self.conv3(hidden))


class ResNet(nn.Module):
    """Stack many blocks, each of which only has to learn a change of its input.

    A stem; stages of blocks, each stage but the first halving height and width; the
    average over the image; one affine map. He et al. (2016), §3.3 and table 1. The
    names of the layers are torchvision's, and so are the first values: Kaiming normal
    with fan-out for convolutions, 1 and 0 for normalization, the default of
    :class:`~dlbook.nn.Linear` for the last layer.

    Args:
        block: :class:`BasicBlock` or :class:`Bottleneck`.
        layers: Number of blocks in each stage.
        num_classes: Size of the output.
        in_channels: Channels of the image.
        channels: ``channels`` of each stage's blocks; the stem has the first stage's.
        stem: "large": 7 × 7 convolution with stride 2, then 3 × 3 pooling with
            stride 2, for photographs; "small": 3 × 3 convolution, no pooling.
        residual: Whether blocks have shortcuts; without, this is the paper's "plain"
            network of the same depth, and has no projections.

    Attributes:
        layer1: The first stage, a Sequential of blocks; ``layer2`` … likewise.
        fc: The affine map.

    Raises:
        ValueError: If ``stem`` is not known, or ``layers`` and ``channels`` differ in
            length, are empty, or hold a number below one.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        in_channels: int = 3,
        channels: Sequence[int] = (64, 128, 256, 512),
        stem: str = "large",
        residual: bool = True,
    ) -> None:
        super().__init__()
        check_choice(stem, ("large", "small"), "stem")
        if len(layers) != len(channels) or not layers:
            raise ValueError(
                "ResNet needs as many layers as channels, one number for each stage, "
                f"got {tuple(layers)} and {tuple(channels)}"
            )
        self._make_stem(in_channels, channels[0], large=stem == "large")
        self.stages = [f"layer{number}" for number in range(1, len(layers) + 1)]
        seen = channels[0]
        for name, depth, wide in zip(self.stages, layers, channels, strict=True):
            check_positive(f"the number of blocks in {name}", depth)
            blocks = []
            for stride in [1 if name == "layer1" else 2] + [1] * (depth - 1):
                blocks.append(block(seen, wide, stride, residual))
                seen = wide * block.expansion
            self.add_module(name, nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(seen, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def _make_stem(self, in_channels: int, channels: int, large: bool) -> None:
        size, stride = (7, 2) if large else (3, 1)
        self.conv1 = nn.Conv2d(
            in_channels, channels, size, stride, size // 2, bias=False
        )
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()

    def features(self, input: Tensor) -> Tensor:
        """Compute the last stage's feature maps: what was found, and where.

        Args:
            input: ``(batch, in_channels, height, width)``.

        Returns:
            ``(batch, fc.in_features, out_height, out_width)``, not negative.

        Raises:
            ValueError: If the shape is another.
        """
        hidden = self.maxpool(self.relu(self.bn1(self.conv1(input))))
        for name in self.stages:
            hidden = self.get_submodule(name)(hidden)
        return hidden

    def forward(self, input: Tensor) -> Tensor:
        """Compute the class scores of a batch of images.

        Args:
            input: ``(batch, in_channels, height, width)``, of any height and width.

        Returns:
            ``(batch, num_classes)``.

        Raises:
            ValueError: If the shape is another.
        """
        return self.fc(self.avgpool(self.features(input)).flatten(1))


def resnet18(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Make the ResNet of 18 layers with weights, for photographs.

    He et al. (2016), table 1. Its state dict has torchvision's keys and shapes.

    Args:
        num_classes: Size of the output.
        in_channels: Channels of the image.

    Returns:
        The network with random first values.
    """
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, in_channels)


def resnet34(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Make the ResNet of 34 layers with weights, see :func:`resnet18`.

    Args:
        num_classes: Size of the output.
        in_channels: Channels of the image.

    Returns:
        The network with random first values.
    """
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, in_channels)


def resnet50(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Make the ResNet of 50 layers with weights, of bottlenecks, see :func:`resnet18`.

    Args:
        num_classes: Size of the output.
        in_channels: Channels of the image.

    Returns:
        The network with random first values.
    """
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, in_channels)


def small_resnet(
    depth: int = 20,
    num_classes: int = 10,
    in_channels: int = 1,
    channels: Sequence[int] = (16, 32, 64),
    residual: bool = True,
) -> ResNet:
    """Make a deep but narrow ResNet for small images, such as 28 × 28 or 32 × 32.

    A 3 × 3 convolution, three stages of n :class:`BasicBlock`, one affine map: 6n + 2
    layers with weights, projections not counted. He et al. (2016), §4.2, whose
    experiments fill new channels with zeros (option A) where this network projects
    (option B).

    Args:
        depth: 8, 14, 20, 26, …
        num_classes: Size of the output.
        in_channels: Channels of the image.
        channels: Channels of the three stages.
        residual: Whether blocks have shortcuts, see :class:`ResNet`.

    Returns:
        The network with random first values.

    Raises:
        ValueError: If ``depth`` is not 6n + 2, or there are not three stages.
        TypeError: If ``depth`` is not an integer.
    """
    blocks, rest = divmod(check_integer("depth", depth) - 2, 6)
    if rest or blocks < 1:
        raise ValueError(f"depth must be 6n + 2 with n ≥ 1 (8, 14, 20, …), got {depth}")
    if len(channels) != 3:
        raise ValueError(f"small_resnet has three stages, got channels {channels}")
    return ResNet(
        BasicBlock,
        (blocks,) * 3,
        num_classes,
        in_channels,
        channels,
        stem="small",
        residual=residual,
    )
