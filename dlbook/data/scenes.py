"""Scenes of handwritten digits: what is where, and which pixels belong to it."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dlbook.data.canvas import (
    INK,
    background,
    choose,
    inner,
    lay_clutter,
    lay_digits,
    places,
    tight_boxes,
)
from dlbook.data.images import digits
from dlbook.runtime import generator


@dataclass(frozen=True)
class Scenes:
    """Images of several digits each, with every digit's class, box and pixels.

    Boxes are ``(x_min, y_min, x_max, y_max)`` in pixels, x to the right, y downwards;
    the pixel in column c covers c … c + 1. A box fits tightly around what is visible of
    a digit. Places without a digit have class -1 and a box of zeros.

    Attributes:
        images: ``(n, 1, size, size)``, float32 in [0, 1]; bright ink on a dark ground.
        classes: ``(n, max_digits)``, int64; digits first, then padding.
        boxes: ``(n, max_digits, 4)``, float32.
        masks: ``(n, size, size)``, int64: 0 for background and clutter, 1 + class for
            a digit's ink.
        class_names: What each number in ``classes`` means.
    """

    images: Tensor
    classes: Tensor
    boxes: Tensor
    masks: Tensor
    class_names: tuple[str, ...]

    @property
    def mask_names(self) -> tuple[str, ...]:
        """What each number in ``masks`` means."""
        return "background", *self.class_names

    @property
    def objects(self) -> Tensor:
        """Put class and box side by side, as a detector's targets.

        ``(n, max_digits, 5)``, float32; the class comes first, and -1 is padding.
        """
        classes = self.classes.unsqueeze(-1).to(self.boxes.dtype)
        return torch.cat([classes, self.boxes], dim=-1)


def scenes(
    num_scenes: int,
    size: int = 64,
    num_digits: tuple[int, int] = (1, 3),
    part: Literal["train", "test"] = "train",
    digit_size: tuple[int, int] | None = None,
    clutter: float = 2.0,
    noise: float = 0.05,
    seed: int = 0,
) -> Scenes:
    """Compose scenes of the handwritten digits of :func:`digits`, at any size.

    Each digit is enlarged bilinearly and put at a random place, where its box and that
    of another digit share at most 15 % of the smaller of the two; later digits lie over
    earlier ones. A digit that finds no such place in 50 tries is left out, so that a
    scene too small for its digits holds fewer, though never none. Behind the digits lie
    fainter pieces cut out of other digits. Their brightest pixels outshine many pixels
    of a digit, so that brightness alone does not tell what belongs to one.

    Args:
        num_scenes: How many.
        size: Height and width in pixels, at least 16.
        num_digits: Fewest and most digits of a scene; all numbers are equally likely.
        part: ``"train"`` uses training digits only, ``"test"`` test digits only, in the
            default split of :func:`digits`; clutter likewise.
        digit_size: Smallest and largest height of the frame that was 8 pixels high;
            default 12 … 20 pixels in a scene of 32, 14 … 28 in one of 64.
        clutter: Pieces of digits for every 32×32 pixels.
        noise: Standard deviation of the normal noise on every pixel.
        seed: Which scenes are drawn.

    Returns:
        The scenes; ``max_digits`` is ``num_digits[1]``.

    Raises:
        ValueError: If an argument is out of range.
    """
    sides = _check_sides(size, digit_size)
    _check(num_scenes, num_digits, part, clutter, noise)
    draw = generator(2 * seed + (part == "test"))
    source = digits()
    inputs, labels = source.train if part == "train" else source.test
    counts = torch.randint(
        num_digits[0], num_digits[1] + 1, (num_scenes,), generator=draw
    )
    which, frames = choose(inputs[:, 0], (num_scenes, num_digits[1]), sides, draw)
    corners, there, order = places(tight_boxes(frames >= INK), size, counts, draw)
    scene = torch.arange(num_scenes)[:, None]
    which, frames = which[scene, order], frames[scene, order]
    frames = frames * there[:, :, None, None]

    canvas = background(num_scenes, size, sides[1], draw)
    lay_clutter(canvas, inputs[:, 0], clutter, sides, draw)
    owners = lay_digits(canvas, frames, corners, draw)
    images, owners = (inner(whole, sides[1]) for whole in (canvas, owners))
    images = images + noise * torch.randn(images.shape, generator=draw)

    classes = torch.where(there, labels[which], -1)
    values = torch.cat([classes.new_zeros(num_scenes, 1), 1 + classes], dim=1)
    visible = owners[:, None] == torch.arange(1, num_digits[1] + 1)[:, None, None]
    return Scenes(
        images=images.clamp(0, 1).unsqueeze(1),
        classes=classes,
        boxes=tight_boxes(visible).float(),
        masks=values.gather(1, owners.flatten(1)).view_as(owners),
        class_names=source.class_names,
    )


def _check(
    num_scenes: int,
    num_digits: tuple[int, int],
    part: str,
    clutter: float,
    noise: float,
) -> None:
    if num_scenes < 1:
        raise ValueError(f"num_scenes must be positive, got {num_scenes}")
    if not 1 <= num_digits[0] <= num_digits[1]:
        raise ValueError(
            "num_digits must be the fewest and the most digits of a scene, at least "
            f"one, got {num_digits}"
        )
    if part not in ("train", "test"):
        raise ValueError(f"part must be 'train' or 'test', got {part!r}")
    for name, value in (("clutter", clutter), ("noise", noise)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and not negative, got {value}")


def _check_sides(size: int, digit_size: tuple[int, int] | None) -> tuple[int, int]:
    """Give the smallest and the largest digit of a scene, in pixels."""
    if size < 16:
        raise ValueError(f"size must be at least 16 pixels, got {size}")
    if digit_size is None:
        return max(8, min(14, 3 * size // 8)), min(28, 5 * size // 8)
    if not 8 <= digit_size[0] <= digit_size[1] <= size:
        raise ValueError(
            "digit_size must be the smallest and the largest height in pixels, from 8 "
            f"to the scene's {size}, got {digit_size}"
        )
    return digit_size
