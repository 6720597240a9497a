"""Look inside a network while it learns: its activations and its gradients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlbook import nn


@dataclass(frozen=True)
class LayerStatistics:
    """What one layer answers to a batch.

    Attributes:
        name: Where the layer is in the model, as in ``named_modules()``.
        layer: The layer's class.
        mean: Of all its outputs.
        std: Likewise, divided by their number.
        zeros: Share of outputs that are exactly 0, from 0 to 1.
        dead: Share of its units (along axis 1: features, or channels) that answer 0 to
            every sample, at every place, from 0 to 1.
    """

    name: str
    layer: str
    mean: float
    std: float
    zeros: float
    dead: float


def activation_statistics(model: nn.Module, inputs: Tensor) -> list[LayerStatistics]:
    """Measure the outputs of every layer of a model on one batch.

    The model computes in the mode that it is in, without gradients; its running
    statistics and the random generators are as before afterwards.

    Args:
        model: Any module.
        inputs: One batch, ``(batch, ...)``, on the model's device.

    Returns:
        One entry for each call of a layer without parts of its own, in that order.

    Raises:
        ValueError: If ``inputs`` is empty.
    """
    if len(inputs) == 0:
        raise ValueError(f"expected at least one input, got {tuple(inputs.shape)}")
    found: list[LayerStatistics] = []

    def watch(name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, _: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                found.append(_statistics(name, type(layer).__name__, output))

        return hook

    leaves = [pair for pair in model.named_modules() if not [*pair[1].children()]]
    hooks = [layer.register_forward_hook(watch(name)) for name, layer in leaves]
    try:
        with torch.no_grad(), _without_trace(model):
            model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return found


@contextmanager
def _without_trace(model: nn.Module) -> Iterator[None]:
    """Put a model's buffers and the random generators back at the end."""
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        with torch.random.fork_rng():
            yield
    finally:
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(before[name])


def _statistics(name: str, layer: str, output: Tensor) -> LayerStatistics:
    values = output.detach().double()
    is_zero = values == 0
    units = is_zero.transpose(0, 1).flatten(1) if values.ndim > 1 else is_zero[None]
    return LayerStatistics(
        name,
        layer,
        mean=values.mean().item(),
        std=values.std(correction=0).item(),
        zeros=is_zero.double().mean().item(),
        dead=units.all(dim=1).double().mean().item(),
    )


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Measure the gradient that ``backward`` has left on every parameter.

    Args:
        model: After ``loss.backward()``.

    Returns:
        Euclidean norms by parameter name; parameters without a gradient are left out.

    Raises:
        ValueError: If no parameter has a gradient.
    """
    norms = {
        name: parameter.grad.norm().item()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    if not norms:
        raise ValueError("no parameter has a gradient: call backward first")
    return norms


def sample_dependence(model: nn.Module, inputs: Tensor) -> Tensor:
    """Measure how much the output for each sample depends on each input of the batch.

    A model should treat each sample of a batch by itself: then only the diagonal is
    not zero. Batch normalization in training mode has a reason to do otherwise.
    The model computes in the mode that it is in; its parameters' gradients, running
    statistics and the random generators are as before afterwards.

    Args:
        model: Any module.
        inputs: One batch, ``(batch, ...)``, floating-point, on the model's device.

    Returns:
        ``(batch, batch)``: in row i and column j the Euclidean norm of the gradient of
        a sum of sample i's outputs by input j. The weights in that sum rise evenly from
        1 to 2, because a plain sum would miss outputs that always add up to the same
        number, such as those of a softmax.

    Raises:
        TypeError: If ``inputs`` is not floating-point.
        ValueError: If the model does not return one output a sample.
    """
    if not inputs.is_floating_point():
        raise TypeError(f"expected floating-point inputs, got {inputs.dtype}")
    inputs = inputs.detach().clone().requires_grad_()
    with torch.enable_grad(), _without_trace(model):
        outputs = model(inputs)
        if outputs.shape[:1] != inputs.shape[:1]:
            raise ValueError(
                f"expected an output for each of {len(inputs)} inputs, got shape "
                f"{tuple(outputs.shape)}"
            )
        outputs = outputs.reshape(len(outputs), -1)  # (batch, outputs)
        weights = torch.linspace(1, 2, outputs.shape[1]).to(outputs)
        sums = outputs @ weights + 0 * inputs.sum()  # a graph, even to a constant
        gradients = [
            torch.autograd.grad(total, inputs, retain_graph=True)[0] for total in sums
        ]
    return torch.stack(gradients).flatten(2).norm(dim=2)
