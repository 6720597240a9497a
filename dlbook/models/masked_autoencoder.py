"""Learn without labels: guess the patches of an image that are hidden."""

from typing import Any

import torch
from torch import Tensor

from dlbook import nn
from dlbook.models.parts import check_images
from dlbook.nn.checks import check_positive


class MaskedAutoencoder(nn.Module):
    """Read some patches of an image with a Transformer, and draw the others.

    He et al. (2022), §3: the encoder sees only the visible patches; a small decoder
    sees their codes and a learned mark at each hidden place, all with positions, and
    guesses the pixels.

    Args:
        image_shape: Channels, height and width.
        patch_size: Height and width of a patch, pixels; divides the image's.
        d_model: Size of the elements, a multiple of 4.
        num_layers: Layers of the encoder; the decoder has one.
        masked: Share of the patches that are hidden, between 0 and 1.

    Raises:
        ValueError: If a size does not fit, or no patch would be hidden or visible.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (1, 8, 8),
        patch_size: int = 2,
        d_model: int = 64,
        num_layers: int = 2,
        masked: float = 0.6,
    ) -> None:
        super().__init__()
        channels, height, width = self.image_shape = image_shape
        check_positive("patch_size", patch_size)
        if height % patch_size or width % patch_size:
            raise ValueError(
                f"patch_size must divide {height} and {width}, got {patch_size}"
            )
        self.patch_size = patch_size
        self.num_patches = (height // patch_size) * (width // patch_size)
        self.num_hidden = round(masked * self.num_patches)
        if not 0 < self.num_hidden < self.num_patches:
            raise ValueError(
                f"masked={masked} hides {self.num_hidden} of {self.num_patches} patches"
            )
        pixels = channels * patch_size**2
        options: dict[str, Any] = {
            "batch_first": True,
            "norm_first": True,
            "dropout": 0.0,
        }
        self.embedding = nn.Linear(pixels, d_model)
        self.position = nn.LearnedPositionalEncoding(self.num_patches, d_model)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d_model, 4, 2 * d_model, **options),
            num_layers,
            nn.LayerNorm(d_model),
        )
        self.mark = nn.Parameter(torch.zeros(1, 1, d_model))
        self.decoder_position = nn.LearnedPositionalEncoding(self.num_patches, d_model)
        self.decoder = nn.TransformerEncoderLayer(d_model, 4, 2 * d_model, **options)
        self.head = nn.Linear(d_model, pixels)

    def patches(self, images: Tensor) -> Tensor:
        """Cut images into patches.

        Args:
            images: ``(batch, *image_shape)``.

        Returns:
            ``(batch, num_patches, channels · patch_size²)``, row by row.

        Raises:
            ValueError: If the shape is another.
        """
        check_images(images, self.image_shape, "MaskedAutoencoder")
        size = self.patch_size
        return torch.nn.functional.unfold(images, size, stride=size).transpose(1, 2)

    def encode(self, images: Tensor) -> Tensor:
        """Describe whole images: the mean of the patches' codes, none hidden.

        Args:
            images: ``(batch, *image_shape)``.

        Returns:
            ``(batch, d_model)``.
        """
        elements = self.position(self.embedding(self.patches(images)))
        return self.encoder(elements).mean(1)

    def forward(
        self, images: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Hide random patches of each image, and guess all of them.

        Args:
            images: ``(batch, *image_shape)``.
            generator: Draws which; on the images' device.

        Returns:
            Guessed patches ``(batch, num_patches, channels · patch_size²)``, and which
            were hidden, ``(batch, num_patches)``, boolean.

        Raises:
            ValueError: If the shape is another.
        """
        patches = self.patches(images)
        batch, count, _ = patches.shape
        chance = torch.rand(batch, count, generator=generator, device=images.device)
        order = chance.argsort(1)
        visible = order[:, self.num_hidden :].sort(1).values.unsqueeze(2)
        elements = self.position(self.embedding(patches))
        size = elements.shape[2]
        codes = self.encoder(elements.gather(1, visible.expand(-1, -1, size)))
        full = self.mark.expand(batch, count, size)
        full = full.scatter(1, visible.expand(-1, -1, size), codes)
        guessed = self.head(self.decoder(self.decoder_position(full)))
        hidden = torch.ones(batch, count, dtype=torch.bool, device=images.device)
        return guessed, hidden.scatter(1, visible.squeeze(2), False)

    def loss(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the mean squared error of the hidden patches' pixels.

        Args:
            images: ``(batch, *image_shape)``.
            generator: Draws which patches are hidden.

        Returns:
            One number.
        """
        guessed, hidden = self(images, generator)
        return (guessed - self.patches(images))[hidden].square().mean()
