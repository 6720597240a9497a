"""Measure every layer and loss, and whole networks, against their torch twins."""

import statistics
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dlbook import nn
from dlbook.bench.measuring import chosen_names, now
from dlbook.models import resnet18, small_resnet
from dlbook.runtime import device as best_device
from dlbook.runtime import generator


@dataclass(frozen=True)
class BenchRow:
    """What one layer, or one network, costs and how far it is from torch's.

    Attributes:
        name: The layer or network, with the arguments that matter.
        shape: The input's shape.
        error: Largest difference of the outputs, relative to torch's largest output.
        forward_ratio: Time of the forward pass, ours divided by torch's.
        backward_ratio: Time of the backward pass, ours divided by torch's.
        ours_ms: Median time of our forward and backward pass, milliseconds.
        torch_ms: The same of torch's.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    forward_ratio: float
    backward_ratio: float
    ours_ms: float
    torch_ms: float


@dataclass(frozen=True)
class _Work:
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    target: str = ""
    first: bool = False  # a first layer: nobody asks for its input's gradient
    input: str = "numbers"
    whole: bool = False  # a network: it takes long, so measure it less often


_HIDDEN = (256, 1024)  # a batch of hidden features
_CLASSES = (1024, 1000)  # a batch of scores
_IMAGES = (64, 16, 28, 28)  # a batch of feature maps
_TEXT = (32, 64, 128)  # a batch of texts, a vector for each character
_SEQUENCES = (64, 32, 128)  # 64 steps of a batch of sequences
_STEP = (32, 128)  # one step of it
_SYMBOLS = 1000  # of which texts are made

_WORK: dict[str, _Work] = {
    "Linear 1024 → 512": _Work(lambda: nn.Linear(1024, 512), _HIDDEN),
    "Conv2d 1 → 16, 5×5": _Work(
        lambda: nn.Conv2d(1, 16, 5), (64, 1, 28, 28), first=True
    ),
    "Conv2d 16 → 32, 3×3": _Work(lambda: nn.Conv2d(16, 32, 3), (64, 16, 14, 14)),
    "Conv2d 32 → 32, 3×3": _Work(lambda: nn.Conv2d(32, 32, 3), (64, 32, 28, 28)),
    "Conv1d 64 → 64, 5": _Work(lambda: nn.Conv1d(64, 64, 5), (32, 64, 256)),
    "ConvTranspose1d 64 → 32, 4": _Work(
        lambda: nn.ConvTranspose1d(64, 32, 4, stride=2), (32, 64, 128)
    ),
    "ConvTranspose2d 64 → 32, 4×4": _Work(
        lambda: nn.ConvTranspose2d(64, 32, 4, stride=2), (64, 64, 14, 14)
    ),
    "MaxPool2d 2×2": _Work(lambda: nn.MaxPool2d(2), _IMAGES),
    "MaxUnpool2d 2×2": _Work(
        lambda: nn.MaxUnpool2d(2), (64, 16, 14, 14), target="places"
    ),
    "Upsample nearest": _Work(lambda: nn.Upsample(scale_factor=2), _IMAGES),
    "Upsample bilinear": _Work(
        lambda: nn.Upsample(scale_factor=2, mode="bilinear"), _IMAGES
    ),
    "AvgPool2d 2×2": _Work(lambda: nn.AvgPool2d(2), _IMAGES),
    "AdaptiveAvgPool2d 1": _Work(lambda: nn.AdaptiveAvgPool2d(1), _IMAGES),
    "BatchNorm1d": _Work(lambda: nn.BatchNorm1d(1024), _HIDDEN),
    "BatchNorm2d": _Work(lambda: nn.BatchNorm2d(16), _IMAGES),
    "LayerNorm 128": _Work(lambda: nn.LayerNorm(128), _TEXT),
    "GroupNorm 4": _Work(lambda: nn.GroupNorm(4, 16), _IMAGES),
    "RMSNorm 128": _Work(lambda: nn.RMSNorm(128), _TEXT),
    "Embedding 1000 → 128": _Work(
        lambda: nn.Embedding(_SYMBOLS, 128), (32, 64), first=True, input="symbols"
    ),
    "RNN 128": _Work(lambda: nn.RNN(128, 128), _SEQUENCES),
    "LSTM 128": _Work(lambda: nn.LSTM(128, 128), _SEQUENCES),
    "GRU 128": _Work(lambda: nn.GRU(128, 128), _SEQUENCES),
    "RNNCell 128": _Work(lambda: nn.RNNCell(128, 128), _STEP),
    "LSTMCell 128": _Work(lambda: nn.LSTMCell(128, 128), _STEP),
    "GRUCell 128": _Work(lambda: nn.GRUCell(128, 128), _STEP),
    "DotProductAttention": _Work(
        nn.DotProductAttention, (8, 8, 256, 64), target="itself"
    ),
    "MultiheadAttention 128, 4 heads": _Work(
        lambda: nn.MultiheadAttention(128, 4, batch_first=True), _TEXT, target="itself"
    ),
    "TransformerEncoderLayer 128, 4 heads": _Work(
        lambda: nn.TransformerEncoderLayer(128, 4, 512, 0.0, batch_first=True), _TEXT
    ),
    "TransformerDecoderLayer 128, 4 heads": _Work(
        lambda: nn.TransformerDecoderLayer(128, 4, 512, 0.0, batch_first=True),
        _TEXT,
        target="memory",
    ),
    "TransformerEncoder 2 × 128": _Work(
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(128, 4, 512, 0.0, batch_first=True), 2
        ),
        _TEXT,
    ),
    "TransformerDecoder 2 × 128": _Work(
        lambda: nn.TransformerDecoder(
            nn.TransformerDecoderLayer(128, 4, 512, 0.0, batch_first=True), 2
        ),
        _TEXT,
        target="memory",
    ),
    "Transformer 2 + 2 × 128": _Work(
        lambda: nn.Transformer(128, 4, 2, 2, 512, 0.0, batch_first=True),
        _TEXT,
        target="memory",
    ),
    "Flatten": _Work(nn.Flatten, _IMAGES),
    "Dropout": _Work(nn.Dropout, _HIDDEN),
    "Dropout2d": _Work(nn.Dropout2d, _IMAGES),
    "ReLU": _Work(nn.ReLU, _HIDDEN),
    "LeakyReLU": _Work(nn.LeakyReLU, _HIDDEN),
    "ELU": _Work(nn.ELU, _HIDDEN),
    "GELU": _Work(nn.GELU, _HIDDEN),
    "SiLU": _Work(nn.SiLU, _HIDDEN),
    "Sigmoid": _Work(nn.Sigmoid, _HIDDEN),
    "Tanh": _Work(nn.Tanh, _HIDDEN),
    "Softplus": _Work(nn.Softplus, _HIDDEN),
    "Softmax": _Work(lambda: nn.Softmax(dim=-1), _CLASSES),
    "LogSoftmax": _Work(lambda: nn.LogSoftmax(dim=-1), _CLASSES),
    "MSELoss": _Work(nn.MSELoss, _HIDDEN, "numbers"),
    "L1Loss": _Work(nn.L1Loss, _HIDDEN, "numbers"),
    "HuberLoss": _Work(nn.HuberLoss, _HIDDEN, "numbers"),
    "NLLLoss": _Work(nn.NLLLoss, _CLASSES, "classes"),
    "CrossEntropyLoss": _Work(nn.CrossEntropyLoss, _CLASSES, "classes"),
    "BCELoss": _Work(nn.BCELoss, _HIDDEN, "probabilities", input="probabilities"),
    "BCEWithLogitsLoss": _Work(nn.BCEWithLogitsLoss, _HIDDEN, "probabilities"),
    "KLDivLoss": _Work(nn.KLDivLoss, _HIDDEN, "probabilities"),
    "resnet18, whole": _Work(resnet18, (8, 3, 64, 64), first=True, whole=True),
    "small_resnet 20, whole": _Work(
        lambda: small_resnet(20), (32, 1, 28, 28), first=True, whole=True
    ),
}


def run_benchmarks(
    device: torch.device | str | None = None,
    repeats: int = 20,
    only: str | None = None,
) -> Iterator[BenchRow]:
    """Time each layer, loss and two networks against their twins, taking turns.

    Turns make the ratio robust where the machine is busy; each figure is a median.
    Sizes are those of a small network in training, in float32.

    Args:
        device: Where to measure; by default the best one, see
            :func:`dlbook.runtime.device`.
        repeats: Measurements of each; of a whole network a quarter as many.
        only: Measure only rows whose name contains this, in any case.

    Yields:
        One row for each, as soon as it is measured.

    Raises:
        ValueError: If ``repeats`` is below one or no row's name contains ``only``.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    chosen = benchmark_names(only)
    where = best_device() if device is None else torch.device(device)
    for name in chosen:
        work = _WORK[name]
        times = -(-repeats // 4) if work.whole else repeats
        yield _measure(name, work, where, times)


def benchmark_names(only: str | None = None) -> list[str]:
    """List the rows, for example to know their number in advance.

    Args:
        only: List only names that contain this, in any case.

    Returns:
        Names in the order in which they are measured.

    Raises:
        ValueError: If no name contains ``only``; all names are listed.
    """
    return chosen_names(_WORK, only)


def _measure(name: str, work: _Work, device: torch.device, repeats: int) -> BenchRow:
    ours = work.make().to(device)
    theirs = nn.to_torch(ours)
    inputs = _draw(work, device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="reduction: 'mean' divides")
        error = _difference(ours, theirs, inputs)
        for layer in (ours, theirs):
            _pass(layer, inputs)  # the first pass allocates and compiles
        times = [
            [_pass(layer, inputs) for layer in (ours, theirs)] for _ in range(repeats)
        ]
    forward, backward, total = (
        [statistics.median(turn[who][part] for turn in times) for who in (0, 1)]
        for part in (0, 1, 2)
    )
    return BenchRow(
        name,
        work.shape,
        error,
        forward_ratio=forward[0] / forward[1],
        backward_ratio=backward[0] / backward[1],
        ours_ms=1000 * total[0],
        torch_ms=1000 * total[1],
    )


def _draw(work: _Work, device: torch.device) -> list[Tensor]:
    """Draw an input, and a target for a loss: what the layer is called with."""
    source = generator(0)
    input = torch.randn(work.shape, generator=source)
    if work.input == "probabilities":
        input = input.sigmoid()
    elif work.input == "symbols":
        input = torch.randint(_SYMBOLS, work.shape, generator=source)
    drawn = [input.to(device).requires_grad_(not work.first)]
    if work.target == "classes":
        targets = torch.randint(work.shape[1], work.shape[:1], generator=source)
        drawn.append(targets.to(device))
    elif work.target == "probabilities":
        drawn.append(torch.rand(work.shape, generator=source).to(device))
    elif work.target == "places":
        *outer, height, width = work.shape
        image = torch.randn(*outer, 2 * height, 2 * width, generator=source)
        drawn.append(nn.MaxPool2d(2, return_indices=True)(image)[1].to(device))
    elif work.target == "itself":  # queries are keys are values
        drawn += [drawn[0], drawn[0]]
    elif work.target == "memory":  # a decoder looks at what it writes
        drawn += [drawn[0]]
    elif work.target == "numbers":
        drawn.append(torch.randn(work.shape, generator=source).to(device))
    return drawn


def _difference(ours: nn.Module, theirs: nn.Module, inputs: list[Tensor]) -> float:
    """Compare outputs, of dropout in evaluation mode: it would differ by chance."""
    by_chance = isinstance(ours, nn.Dropout | nn.Dropout2d)
    with torch.no_grad():
        mine, expected = (
            _output(layer.train(not by_chance), inputs) for layer in (ours, theirs)
        )
    ours.train()
    theirs.train()
    return ((mine - expected).abs().max() / expected.abs().max()).item()


def _output(layer: nn.Module, inputs: list[Tensor]) -> Tensor:
    """Run a layer; of several outputs take the first."""
    output = layer(*inputs)
    return output[0] if isinstance(output, tuple) else output


def _pass(layer: nn.Module, inputs: list[Tensor]) -> tuple[float, float, float]:
    """Time one forward and one backward pass, in seconds; and both together."""
    device = inputs[0].device
    layer.zero_grad()
    inputs[0].grad = None
    start = now(device)
    output = _output(layer, inputs)
    middle = now(device)
    output.backward(torch.ones_like(output))
    end = now(device)
    return middle - start, end - middle, end - start
