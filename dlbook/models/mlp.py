"""Perceptrons, of one layer and of many."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dlbook import nn
from dlbook.nn.checks import check_matches, check_positive, shape_of


class Perceptron(nn.Module):
    """Tell two classes apart by a straight line, learned from mistakes alone.

    The score is x · w + b; class 1 is where it is positive. After each mistake, w moves
    by x towards the right class: w ← w ± x, b ← b ± 1, with + for class 1. Rosenblatt
    introduced the machine in 1958; the rule is the error correction of his book (1962).
    A score of 0 counts as a mistake for either class, else zero weights would never
    change. No gradient is needed.

    If a line separates the classes, with the margin γ for ‖(w, b)‖ = 1, and all
    ‖(x, 1)‖ ≤ R, then there are at most (R / γ)² mistakes. Novikoff (1962).

    Args:
        in_features: How many numbers one input consists of.

    Attributes:
        weight: w, ``(in_features,)``, zeros at first.
        bias: b, ``()``, zero at first.

    Raises:
        ValueError: If ``in_features`` is below one.
    """

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.in_features = check_positive("in_features", in_features)
        self.weight = nn.Parameter(torch.zeros(self.in_features))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, input: Tensor) -> Tensor:
        """Compute the scores.

        Args:
            input: ``(..., in_features)``.

        Returns:
            ``(...)``.

        Raises:
            ValueError: If the inputs have another size.
            TypeError: If their type is not the weight's.
        """
        if input.shape[-1:] != (self.in_features,):
            raise ValueError(
                f"Perceptron expects input of shape (..., {self.in_features}), "
                f"got {shape_of(input)}"
            )
        check_matches(input, self.weight, "Perceptron")
        return input @ self.weight + self.bias

    def predict(self, input: Tensor) -> Tensor:
        """Name the class of each input.

        Args:
            input: ``(..., in_features)``.

        Returns:
            ``(...)``, 0 or 1, int64.
        """
        return (self(input) > 0).long()

    @torch.no_grad()
    def update(self, input: Tensor, target: Tensor | int) -> bool:
        """Learn from one example, if it is mistaken.

        Args:
            input: ``(in_features,)``.
            target: Its class, 0 or 1.

        Returns:
            Whether it was mistaken.

        Raises:
            ValueError: If the shape is another, or the class is neither 0 nor 1.
            FloatingPointError: If the score is no number: no rule could mend that.
        """
        if input.ndim != 1 or target not in (0, 1):
            raise ValueError(
                f"Perceptron learns from input of shape ({self.in_features},) and a "
                f"class 0 or 1, got {shape_of(input)} and {target}"
            )
        side = 1 if target == 1 else -1
        score = self(input).item()
        if math.isnan(score):
            raise FloatingPointError(f"Perceptron's score of the input {input} is NaN")
        mistaken = side * score <= 0
        if mistaken:
            self.weight.add_(side * input)
            self.bias.add_(side)
        return mistaken

    def fit_epoch(self, inputs: Tensor, targets: Tensor) -> int:
        """Learn from examples one by one, in the order given.

        Args:
            inputs: ``(examples, in_features)``.
            targets: Their classes, ``(examples,)``, int64.

        Returns:
            How many were mistaken; 0 means that all are separated.

        Raises:
            ValueError: If the shapes do not match, or a class is neither 0 nor 1.
            TypeError: If the classes are not int64.
            FloatingPointError: If a score is NaN; what came before has been learned.
        """
        if inputs.ndim != 2 or targets.shape != inputs.shape[:1]:
            raise ValueError(
                "Perceptron expects inputs of shape (examples, in_features) and a "
                f"class for each, got {shape_of(inputs)} and {shape_of(targets)}"
            )
        if targets.dtype != torch.int64:
            raise TypeError(f"Perceptron expects int64 classes, got {targets.dtype}")
        pairs = zip(inputs, targets.tolist(), strict=True)
        return sum(self.update(input, target) for input, target in pairs)


class MLP(nn.Module):
    """Alternate affine maps and activations: the plainest deep network.

    Rumelhart et al. (1986). Without hidden layers it is a linear model.

    Args:
        in_features: How many numbers one input consists of.
        hidden_features: Sizes of the hidden layers; may be empty.
        out_features: Size of the output.
        activation: Makes the layer that follows each hidden one.
        dropout: Probability of silencing a hidden feature while training.
        normalization: Makes the layer between a hidden affine map and its activation,
            given its size, for example :class:`~dlbook.nn.BatchNorm1d`; None: no layer.

    Attributes:
        features: The hidden layers, after flattening.
        classifier: The last layer.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: Sequence[int],
        out_features: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
        normalization: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        layers: list[nn.Module] = [nn.Flatten()]
        size = in_features
        for hidden in hidden_features:
            layers.append(nn.Linear(size, hidden))
            if normalization is not None:
                layers.append(normalization(hidden))
            layers.append(activation())
            if dropout:
                layers.append(nn.Dropout(dropout))
            size = hidden
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(size, out_features))

    def forward(self, input: Tensor) -> Tensor:
        """Compute the outputs for a batch.

        Args:
            input: ``(batch, ...)``, with ``in_features`` numbers after the batch axis.

        Returns:
            ``(batch, out_features)``.

        Raises:
            ValueError: If the inputs have another size.
        """
        if input.ndim < 2 or math.prod(input.shape[1:]) != self.in_features:
            raise ValueError(
                f"MLP expects input of shape (batch, ...) with {self.in_features} "
                f"numbers after the batch axis, got {tuple(input.shape)}"
            )
        return self.classifier(self.features(input))
