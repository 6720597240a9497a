"""Diffusion: learn to take noise away, and so to draw from nothing but noise."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from dlbook import nn
from dlbook.nn.checks import check_choice, check_positive, check_same_shape

Denoiser = Callable[..., Tensor]
"""From noisy samples ``(batch, ...)`` and times ``(batch,)`` to the noise in them."""


def noise_levels(kind: Literal["linear", "cosine"], steps: int) -> Tensor:
    """Give β_1 … β_T, the variance of the noise that each step adds.

    ``"linear"``: from 10⁻⁴ to 0.02 for 1,000 steps (Ho et al., 2020, §4), and for fewer
    steps as many times larger as they are fewer, so that as little remains at the end.
    ``"cosine"``: so that ᾱ_t falls as cos² (Nichol and Dhariwal, 2021, eq. 17), at most
    0.999.

    Args:
        kind: Which of both.
        steps: T.

    Returns:
        ``(steps,)``, float64.

    Raises:
        ValueError: If ``steps`` is below 21 for ``"linear"`` or 1, or the kind unknown.
    """
    check_choice(kind, ("linear", "cosine"), "kind")
    check_positive("steps", steps)
    if kind == "linear":
        if steps < 21:
            raise ValueError(f"linear levels need at least 21 steps, got {steps}")
        scale = 1000 / steps
        return torch.linspace(scale * 1e-4, scale * 0.02, steps, dtype=torch.float64)
    times = torch.arange(steps + 1, dtype=torch.float64) / steps
    kept = ((times + 0.008) / 1.008 * math.pi / 2).cos().square()
    return (1 - kept[1:] / kept[:-1]).clamp(max=0.999)


class Diffusion(nn.Module):
    """Add noise in many small steps, and learn to undo them.

    Ho et al. (2020). Times count from 1 to T; x_0 is a sample, x_T all but noise. The
    network predicts the noise ε in x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε (eq. 4).

    Args:
        network: ``network(x, times)`` or, with classes, ``network(x, times, classes)``.
        steps: T.
        kind: Of the noise; see :func:`noise_levels`.
        clip: The samples' largest magnitude, beyond which guesses of x_0 are cut off
            while drawing; None for no limit. Where ᾱ_t is tiny, so is what tells x_0,
            and a small error of the noise becomes a large one of the guess.

    Attributes:
        beta: β_1 … β_T, a buffer ``(steps,)``.
        alpha_bar: ᾱ_0 … ᾱ_T, ``(steps + 1,)``: which share of the variance is still
            the sample's; ᾱ_0 = 1.

    Raises:
        ValueError: If an option is out of range.
    """

    beta: Tensor
    alpha_bar: Tensor

    def __init__(
        self,
        network: nn.Module,
        steps: int = 200,
        kind: Literal["linear", "cosine"] = "cosine",
        clip: float | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.clip = clip
        self.steps = steps
        beta = noise_levels(kind, steps)
        kept = torch.cat([torch.ones(1, dtype=beta.dtype), (1 - beta).cumprod(0)])
        self.register_buffer("beta", beta.float(), persistent=False)
        self.register_buffer("alpha_bar", kept.float(), persistent=False)

    def add_noise(self, x: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Go from x_0 to x_t at once.

        Args:
            x: x_0, ``(batch, ...)``.
            times: t, ``(batch,)``, 0 … T.
            noise: ε, the shape of ``x``.

        Returns:
            x_t = √ᾱ_t x_0 + √(1 - ᾱ_t) ε, the same shape.
        """
        check_same_shape(x, noise, "add_noise")
        kept = _column(self.alpha_bar[times], x)
        return kept.sqrt() * x + (1 - kept).sqrt() * noise

    def loss(
        self,
        x: Tensor,
        classes: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Give the mean squared error of the predicted noise, at random times.

        Ho et al. (2020), eq. (14), L_simple.

        Args:
            x: Samples ``(batch, ...)``, about as large as noise.
            classes: ``(batch,)``, handed to the network.
            generator: Draws times and noise.

        Returns:
            One number.
        """
        options: dict[str, Any] = {"generator": generator, "device": x.device}
        times = torch.randint(1, self.steps + 1, (len(x),), **options)
        noise = torch.randn(x.shape, **options, dtype=x.dtype)
        found = self._noise(self.add_noise(x, times, noise), times, classes)
        return (found - noise).square().mean()

    @torch.no_grad()
    def sample(
        self,
        shape: tuple[int, ...],
        classes: Tensor | None = None,
        guidance: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw samples step by step, as the noise came.

        Ho et al. (2020), algorithm 2, by way of a guess of x_0 (eq. 7), with σ_t² =
        β_t.

        Args:
            shape: ``(batch, ...)``.
            classes: ``(batch,)``, handed to the network.
            guidance: w: ε = (1 + w) ε(x, class) - w ε(x): Ho and Salimans (2022), eq.
                (6). Needs a network that was trained without classes at times.
            generator: Draws; on the model's device.

        Returns:
            x_0, of that shape.
        """
        x = torch.randn(shape, generator=generator, device=self.beta.device)
        for t in range(self.steps, 0, -1):
            clean, _ = self._guess(x, t, classes, guidance)
            beta, now, then = self.beta[t - 1], self.alpha_bar[t], self.alpha_bar[t - 1]
            x = (1 - beta).sqrt() * (1 - then) / (1 - now) * x
            x = x + then.sqrt() * beta / (1 - now) * clean
            if t > 1:
                fresh = torch.randn(shape, generator=generator, device=x.device)
                x = x + beta.sqrt() * fresh
        return x

    @torch.no_grad()
    def sample_ddim(
        self,
        shape: tuple[int, ...],
        steps: int,
        classes: Tensor | None = None,
        guidance: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw samples in few steps and without further chance.

        Song, Meng and Ermon (2021), eq. (12) with σ_t = 0: the same first noise gives
        the same sample.

        Args:
            shape: ``(batch, ...)``.
            steps: How many of the T steps to take, evenly spread.
            classes: ``(batch,)``, handed to the network.
            guidance: As for :meth:`sample`.
            generator: Draws the first noise; on the model's device.

        Returns:
            x_0, of that shape.

        Raises:
            ValueError: If ``steps`` is not in 1 … T.
        """
        if not 1 <= check_positive("steps", steps) <= self.steps:
            raise ValueError(f"steps must lie in 1 … {self.steps}, got {steps}")
        x = torch.randn(shape, generator=generator, device=self.beta.device)
        times = torch.linspace(self.steps, 0, steps + 1).round().long().tolist()
        for t, s in pairwise(times):
            clean, noise = self._guess(x, t, classes, guidance)
            then = self.alpha_bar[s]
            x = then.sqrt() * clean + (1 - then).sqrt() * noise
        return x

    def _guess(
        self, x: Tensor, t: int, classes: Tensor | None, guidance: float
    ) -> tuple[Tensor, Tensor]:
        """Guess the sample and the noise that make up x_t."""
        times = torch.full((len(x),), t, device=x.device)
        noise = self._noise(x, times, classes)
        if guidance != 0:
            without = self._noise(x, times, None)
            noise = (1 + guidance) * noise - guidance * without
        kept = self.alpha_bar[t]
        clean = (x - (1 - kept).sqrt() * noise) / kept.sqrt()
        if self.clip is not None:
            clean = clean.clamp(-self.clip, self.clip)
            noise = (x - kept.sqrt() * clean) / (1 - kept).sqrt()
        return clean, noise

    def _noise(self, x: Tensor, times: Tensor, classes: Tensor | None) -> Tensor:
        found: Tensor = (
            self.network(x, times)
            if classes is None
            else self.network(x, times, classes)
        )
        return found


def _column(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (x.ndim - 1)).to(x.dtype)
