"""Translate images from one domain into another without seeing pairs."""

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.gan_losses import least_squares_loss
from dlbook.models.parts import check_images
from dlbook.nn.checks import check_not_negative, check_positive


class ResidualTranslator(nn.Module):
    """Redraw an image in another style.

    A convolution, residual blocks of two convolutions at full size, and a convolution
    back to pixels: Zhu et al. (2017), appendix 7.2, in small: without the strided
    layers, as our images have no size to lose. The network's output is added to the
    image's logit, so that it begins near the identity.

    Args:
        channels: Channels of the image.
        hidden_channels: Channels within.
        num_blocks: Number of residual blocks.
        image_size: Height and width, pixels.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(
        self,
        channels: int = 1,
        hidden_channels: int = 16,
        num_blocks: int = 2,
        image_size: int = 8,
    ) -> None:
        super().__init__()
        check_positive("channels", channels)
        check_positive("num_blocks", num_blocks)
        self.image_shape = (channels, image_size, image_size)
        self.first = nn.Conv2d(channels, hidden_channels, 3, padding=1)
        self.blocks = nn.ModuleList(_block(hidden_channels) for _ in range(num_blocks))
        self.last = nn.Conv2d(hidden_channels, channels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Translate.

        Args:
            images: ``(batch, channels, image_size, image_size)``, from 0 to 1.

        Returns:
            Same shape, from 0 to 1.

        Raises:
            ValueError: If the shape is another.
        """
        check_images(images, self.image_shape, "ResidualTranslator")
        x = self.first(images).relu()
        for block in self.blocks:
            x = x + block(x)
        near = images.clamp(0.02, 0.98)
        return ((near / (1 - near)).log() + self.last(x)).sigmoid()


class PatchDiscriminator(nn.Module):
    """Score how real each patch of an image looks.

    Isola et al. (2017), §3.2.2: convolutional throughout, one score a patch, so that
    texture and not the whole is judged.

    Args:
        channels: Channels of the image.
        hidden_channels: Channels of the first hidden layer; the second has twice those.

    Raises:
        ValueError: If a size is below one.
    """

    def __init__(self, channels: int = 1, hidden_channels: int = 16) -> None:
        super().__init__()
        check_positive("hidden_channels", hidden_channels)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden_channels, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(hidden_channels, 2 * hidden_channels, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * hidden_channels, 1, 3, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Score.

        Args:
            images: ``(batch, channels, height, width)``.

        Returns:
            ``(batch, 1, height // 2, width // 2)``; each looks at 10 × 10 pixels.
        """
        return self.layers(images)


class CycleGAN(nn.Module):
    """Two translators, there and back, and a discriminator for each domain.

    Zhu et al. (2017). See :meth:`translation_loss` and :meth:`discrimination_loss` for
    what each side minimizes; their buffer of earlier images is left out.

    Args:
        channels: Channels of the images.
        hidden_channels: Channels within the networks.
        num_blocks: Residual blocks of a translator.
        image_size: Height and width, pixels.

    Attributes:
        to_b: Translates from domain A to domain B.
        to_a: Translates back.
        judge_a: Tells images of A from translated ones.
        judge_b: The same for B.
    """

    def __init__(
        self,
        channels: int = 1,
        hidden_channels: int = 16,
        num_blocks: int = 2,
        image_size: int = 8,
    ) -> None:
        super().__init__()
        sizes = (channels, hidden_channels, num_blocks, image_size)
        self.to_b = ResidualTranslator(*sizes)
        self.to_a = ResidualTranslator(*sizes)
        self.judge_a = PatchDiscriminator(channels, hidden_channels)
        self.judge_b = PatchDiscriminator(channels, hidden_channels)

    def translation_loss(
        self, a: Tensor, b: Tensor, cycle: float = 10.0, identity: float = 0.0
    ) -> Tensor:
        """Give what both translators minimize together.

        Both discriminators' least-squares losses for translated images, plus ``cycle``
        times the mean absolute error of a → b → a and b → a → b (eq. 2), plus
        ``identity`` times that of translating what is in the domain already (§5.2).

        Args:
            a: Images of A, ``(batch, channels, height, width)``.
            b: Images of B, unpaired.
            cycle: Weight of the cycle; 0 leaves it out.
            identity: Weight of the identity; 0 leaves it out.

        Returns:
            One number.
        """
        check_not_negative("cycle", cycle)
        check_not_negative("identity", identity)
        fake_b, fake_a = self.to_b(a), self.to_a(b)
        loss = least_squares_loss(self.judge_b(fake_b), 1.0) + least_squares_loss(
            self.judge_a(fake_a), 1.0
        )
        if cycle:
            back = (self.to_a(fake_b) - a).abs().mean()
            forth = (self.to_b(fake_a) - b).abs().mean()
            loss = loss + cycle * (back + forth)
        if identity:
            same = (self.to_b(b) - b).abs().mean() + (self.to_a(a) - a).abs().mean()
            loss = loss + identity * same
        return loss

    def discrimination_loss(self, a: Tensor, b: Tensor) -> Tensor:
        """Give what both discriminators minimize together.

        Args:
            a: Images of A, ``(batch, channels, height, width)``.
            b: Images of B, unpaired.

        Returns:
            One number.
        """
        with torch.no_grad():
            fake_b, fake_a = self.to_b(a), self.to_a(b)
        real = least_squares_loss(self.judge_a(a), 1.0) + least_squares_loss(
            self.judge_b(b), 1.0
        )
        fake = least_squares_loss(self.judge_a(fake_a), 0.0) + least_squares_loss(
            self.judge_b(fake_b), 0.0
        )
        return (real + fake) / 2


def _block(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
    )
