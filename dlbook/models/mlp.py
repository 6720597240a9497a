"""The multilayer perceptron."""

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from dlbook import nn


class MLP(nn.Module):
    """Alternate affine maps and activations: the plainest deep network.

    Rumelhart et al. (1986). Without hidden layers it is a linear model.

    Args:
        in_features: How many numbers one input consists of.
        hidden_features: Sizes of the hidden layers; may be empty.
        out_features: Size of the output.
        activation: Makes the layer that follows each hidden one.
        dropout: Probability of silencing a hidden feature while training.

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
    ) -> None:
        super().__init__()
        self.in_features = in_features
        layers: list[nn.Module] = [nn.Flatten()]
        size = in_features
        for hidden in hidden_features:
            layers += [nn.Linear(size, hidden), activation()]
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
