"""Judge generated samples by numbers: how real, how varied, and what is missing."""

from typing import NamedTuple

import torch
from torch import Tensor

from dlbook import data, nn, optim, runtime
from dlbook.optim.lr_scheduler import OneCycleLR
from dlbook.training.fitting import fit


class DigitJudge(nn.Module):
    """A small convolutional network that names digits of 8 × 8 pixels.

    Its last hidden layer gives the features that generated digits are judged by.

    Attributes:
        features: From images ``(batch, 1, 8, 8)``, 0 to 1, to ``(batch, 32)``.
        head: From there to ten logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(512, 32),
            nn.ReLU(),
        )
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Score the ten classes.

        Args:
            images: ``(batch, 1, 8, 8)``, 0 to 1.

        Returns:
            Logits ``(batch, 10)``.
        """
        return self.head(self.features(images))


def digit_judge(seed: int = 0) -> DigitJudge:
    """Train the network that judges generated digits, and freeze it.

    It learns from the training digits of :func:`dlbook.data.digits`, moved by up to a
    pixel, in seconds; the same seed gives the same judge on one machine.

    Args:
        seed: Of its weights and the order of the digits.

    Returns:
        The network, on the CPU, in evaluation mode, its parameters frozen.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = DigitJudge()
        images, classes = data.digits().train
        epochs, rate = 16, 0.006
        steps = epochs * -(-len(images) // 64)
        optimizer = optim.Adam(judge.parameters(), lr=rate)
        fit(
            nn.to_torch(judge),
            (images, classes),
            optimizer=optimizer,
            epochs=epochs,
            augment=data.random_shift,
            scheduler=OneCycleLR(optimizer, rate, total_steps=steps),
            schedule_each="step",
            seed=seed,
            device="cpu",
            progress=False,
        )
    for parameter in judge.parameters():
        parameter.requires_grad_(False)
    return judge.eval()


def frechet_distance(real: Tensor, generated: Tensor) -> float:
    """Compare two clouds of features by their means and covariances.

    ‖μ - μ'‖² + tr(Σ + Σ' - 2 (Σ Σ')^½), the squared Fréchet distance of two normal
    distributions; Heusel et al. (2017), eq. (6), take features of Inception-v3 and call
    it FID. The covariances divide by n - 1.

    Args:
        real: Features of real samples, ``(n, features)``.
        generated: Of generated ones, ``(m, features)``.

    Returns:
        Not negative, in the features' unit squared; it falls with the number of
        samples, so compare only equally many.

    Raises:
        ValueError: If there are fewer than two samples, or the shapes do not fit.
    """
    _check_features(real, generated, 2)
    real, generated = real.double(), generated.double()
    distance = (real.mean(0) - generated.mean(0)).square().sum()
    first, second = real.T.cov(), generated.T.cov()
    root = _root(first)
    # (Σ Σ')^½ and (Σ^½ Σ' Σ^½)^½ have one trace; the latter is symmetric.
    values = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0)
    total = distance + first.trace() + second.trace() - 2 * values.sqrt().sum()
    return max(total.item(), 0.0)


class PrecisionRecall(NamedTuple):
    """How many samples look real, and how much of what is real is drawn.

    Attributes:
        precision: Share of generated samples within the reach of the real ones.
        recall: Share of real samples within the reach of the generated ones.
    """

    precision: float
    recall: float


def precision_recall(
    real: Tensor, generated: Tensor, neighbours: int = 3
) -> PrecisionRecall:
    """Compare two clouds of features by what lies within whose reach.

    A sample's reach is the distance to its k-th nearest neighbour of the same cloud:
    Kynkäänniemi et al. (2019), §2, eq. (1) and (2).

    Args:
        real: Features of real samples, ``(n, features)``.
        generated: Of generated ones, ``(m, features)``.
        neighbours: k.

    Returns:
        Both shares, 0 … 1.

    Raises:
        ValueError: If a cloud has no k-th neighbours, or the shapes do not fit.
    """
    _check_features(real, generated, neighbours + 1)
    return PrecisionRecall(
        _share_reached(real, generated, neighbours),
        _share_reached(generated, real, neighbours),
    )


def mean_pairwise_distance(samples: Tensor) -> float:
    """Measure diversity: the mean Euclidean distance between two different samples.

    Args:
        samples: ``(n, ...)``, at least two.

    Returns:
        Not negative; 0 if all are equal.

    Raises:
        ValueError: If there are fewer than two samples.
    """
    if len(samples) < 2:
        raise ValueError(f"expected at least two samples, got {len(samples)}")
    return torch.pdist(samples.flatten(1).double()).mean().item()


def class_agreement(judge: nn.Module, images: Tensor, classes: Tensor) -> float:
    """Measure how often a judge sees the class that was asked for.

    Args:
        judge: From images to logits.
        images: ``(n, ...)``.
        classes: The classes asked for, ``(n,)``.

    Returns:
        Share, 0 … 1.

    Raises:
        ValueError: If there is no image, or not one class an image.
    """
    if classes.shape != (len(images),) or not len(images):
        raise ValueError(
            f"expected one class for each image, got {tuple(classes.shape)} for "
            f"{len(images)} images"
        )
    with runtime.evaluation_mode(judge):
        return (judge(images).argmax(1) == classes).double().mean().item()


def class_shares(judge: nn.Module, images: Tensor) -> Tensor:
    """Measure how generated images spread over the classes that a judge sees in them.

    Args:
        judge: From images to logits ``(n, classes)``.
        images: ``(n, ...)``, at least one.

    Returns:
        Shares ``(classes,)``, summing to 1; a class near 0 is a lost mode.
    """
    with runtime.evaluation_mode(judge):
        logits = judge(images)
    counts = torch.bincount(logits.argmax(1), minlength=logits.shape[1])
    return counts / len(images)


def _share_reached(centres: Tensor, points: Tensor, neighbours: int) -> float:
    # The distance to itself is the smallest, so the k-th neighbour is number k + 1.
    among = torch.cdist(centres.double(), centres.double())
    reach = among.kthvalue(neighbours + 1, dim=1).values
    apart = torch.cdist(points.double(), centres.double())
    return (apart <= reach).any(1).double().mean().item()


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def _check_features(real: Tensor, generated: Tensor, least: int) -> None:
    shapes = (tuple(real.shape), tuple(generated.shape))
    fits = all(len(s) == 2 and s[0] >= least for s in shapes)
    if not fits or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            f"expected features (samples, features), at least {least} samples each "
            f"and of one size, got {shapes[0]} and {shapes[1]}"
        )
