"""The table of twins: every layer and loss that must equal torch's, and on what.

A new layer, loss or optimizer needs rows here: the tests in ``tests/nn`` and
``tests/optim`` cross them with every check. The sizes of a row's input are pairwise
distinct, so that a swapped axis cannot pass.
"""

import importlib
import itertools
import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from dlbook.runtime import generator

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A layer, what it is made with, what goes in, and what it must refuse."""

    name: str
    shape: Shape
    arguments: dict[str, Any] = field(default_factory=dict)
    wrong: Shape | None = None  # None: the layer takes every shape
    input: str = "numbers"
    training: bool = True

    def __str__(self) -> str:
        shown = ",".join(f"{k}={v}" for k, v in self.arguments.items())
        text = f"{self.name}({shown})-{'x'.join(map(str, self.shape))}"
        return text if self.training else f"{text}-eval"

    def make(self, source: ModuleType) -> torch.nn.Module:
        """Make the layer from a package, in its mode."""
        return getattr(source, self.name)(**self.arguments).train(self.training)

    def draw(self, dtype: torch.dtype = torch.float64) -> Tensor:
        """Draw an input, always the same; class numbers keep their type."""
        drawn = DRAW[self.input](*self.shape)
        return drawn.to(dtype) if drawn.is_floating_point() else drawn


@dataclass(frozen=True)
class LossCase:
    """A loss, what it is made with, and how its input and target are drawn."""

    name: str
    shape: Shape
    arguments: dict[str, Any] = field(default_factory=dict)
    input: str = "numbers"
    target: str = "numbers"

    def __str__(self) -> str:
        shown = ",".join(
            f"{k}={tuple(v.shape) if isinstance(v, Tensor) else v}"
            for k, v in self.arguments.items()
        )
        return f"{self.name}({shown})-{'x'.join(map(str, self.shape))}-{self.target}"


def public_classes(package: ModuleType, base: type) -> set[str]:
    """Name the classes of a kind that the modules of a package define for everyone."""
    found = set()
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, type) and issubclass(value, base):
                here = value.__module__ == info.name
                found |= {name} if here and not name.startswith("_") else set()
    return found


def numbers(*shape: int, seed: int = 0) -> Tensor:
    """Draw normal numbers in double precision."""
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def positive(*shape: int, seed: int = 0) -> Tensor:
    """Draw numbers between 0.1 and 0.9, in double precision."""
    drawn = torch.rand(shape, generator=generator(seed), dtype=torch.float64)
    return 0.1 + 0.8 * drawn


def classes(*shape: int, seed: int = 0) -> Tensor:
    """Draw class numbers for scores of this shape, classes on the second axis."""
    axis = min(len(shape) - 1, 1)
    rest = (*shape[:axis], *shape[axis + 1 :])
    return torch.randint(shape[axis], rest, generator=generator(seed))


DRAW: dict[str, Callable[..., Tensor]] = {
    "numbers": numbers,
    "probabilities": positive,
    "log probabilities": lambda *shape, seed=0: positive(*shape, seed=seed).log(),
    "classes": classes,
    "bytes": lambda *shape, seed=0: classes(*shape, seed=seed).to(torch.uint8),
    "three words": lambda *shape, seed=0: numbers(*shape, seed=seed).argsort(-1) % 3,
    "three int32": lambda *shape, seed=0: DRAW["three words"](*shape, seed=seed).int(),
}

_ELEMENTWISE: list[tuple[str, dict[str, Any]]] = [
    ("Identity", {}),
    ("ReLU", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.3}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.7}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 3.0, "threshold": 1.5}),
    ("Dropout", {"p": 0.0}),
    ("Dropout", {"p": 1.0}),
]

_CONV2D: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 4, 7, 9), {"kernel_size": 3}),
    ((4, 7, 9), {"kernel_size": 3}),
    ((0, 4, 7, 9), {"kernel_size": 3}),
    ((2, 4, 7, 9), {"kernel_size": (3, 5), "bias": False}),
    ((2, 4, 7, 9), {"kernel_size": (3, 2), "stride": (2, 3)}),
    ((2, 4, 7, 9), {"kernel_size": (3, 2), "padding": (1, 2)}),
    ((2, 4, 7, 9), {"kernel_size": (5, 3), "stride": 2, "padding": 3}),
    ((2, 4, 7, 9), {"kernel_size": (3, 2), "dilation": (2, 3)}),
    ((2, 4, 7, 9), {"kernel_size": 3, "groups": 2, "stride": (2, 1)}),
    ((2, 4, 7, 9), {"kernel_size": (2, 3), "groups": 4, "dilation": (1, 2)}),
    ((0, 4, 7, 9), {"kernel_size": 3, "groups": 2, "padding": 1}),
    ((2, 4, 7, 9), {"kernel_size": (2, 4), "padding": "same"}),
    ((2, 4, 7, 9), {"kernel_size": (4, 3), "padding": "same", "dilation": (1, 2)}),
    ((2, 4, 7, 9), {"kernel_size": (2, 4), "padding": "valid"}),
    ((2, 4, 7, 9), {"kernel_size": 1, "stride": 2}),
]

_CONV1D: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 4, 9), {"kernel_size": 3}),
    ((4, 9), {"kernel_size": 3}),
    ((0, 4, 9), {"kernel_size": 3}),
    ((2, 4, 9), {"kernel_size": (3,), "stride": 2, "padding": 2, "bias": False}),
    ((2, 4, 9), {"kernel_size": 3, "dilation": 2, "groups": 2}),
    ((2, 4, 9), {"kernel_size": 4, "padding": "same", "dilation": 3}),
    ((2, 4, 9), {"kernel_size": 4, "padding": "valid"}),
]

_CONV_TRANSPOSE2D: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 4, 5, 7), {"kernel_size": 3}),
    ((4, 5, 7), {"kernel_size": (3, 2), "stride": 2}),
    ((0, 4, 5, 7), {"kernel_size": 3, "groups": 2}),
    ((2, 4, 5, 7), {"kernel_size": (3, 5), "bias": False}),
    ((2, 4, 5, 7), {"kernel_size": (3, 2), "stride": (2, 3)}),
    ((2, 4, 5, 7), {"kernel_size": (3, 4), "padding": (1, 2)}),
    ((2, 4, 5, 7), {"kernel_size": (3, 2), "stride": (3, 4), "output_padding": (2, 1)}),
    (
        (2, 4, 5, 7),
        {"kernel_size": (2, 3), "dilation": (2, 3), "output_padding": (1, 2)},
    ),
    (
        (2, 4, 5, 7),
        {
            "kernel_size": (4, 3),
            "stride": (2, 3),
            "padding": (2, 1),
            "output_padding": (1, 2),
            "dilation": (3, 2),
            "groups": 4,
        },
    ),
    ((2, 4, 5, 7), {"kernel_size": 4, "stride": 2, "padding": 1, "groups": 2}),
    ((2, 4, 5, 7), {"kernel_size": 1, "stride": 2}),
    ((2, 4, 1, 3), {"kernel_size": (3, 2), "padding": (1, 0)}),
]

_CONV_TRANSPOSE1D: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 4, 7), {"kernel_size": 3}),
    ((4, 7), {"kernel_size": (3,), "stride": 2, "padding": 2, "bias": False}),
    ((0, 4, 7), {"kernel_size": 3}),
    ((2, 4, 7), {"kernel_size": 3, "dilation": 2, "groups": 2, "output_padding": 1}),
    ((2, 4, 7), {"kernel_size": 4, "stride": 3, "padding": 1, "output_padding": 2}),
]

_UPSAMPLE: list[dict[str, Any]] = [
    {"size": 8},
    {"size": (9, 4)},
    {"scale_factor": 2},
    {"scale_factor": 3.0},
    {"scale_factor": (1.7, 2.3)},
    {"scale_factor": 2.3, "recompute_scale_factor": True},
    {"scale_factor": (0.6, 1.1)},
]

_POOL2D: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 6, 8), {"kernel_size": 2}),
    ((3, 7, 9), {"kernel_size": (2, 3)}),
    ((0, 3, 6, 8), {"kernel_size": 2}),
    ((2, 3, 7, 9), {"kernel_size": 3, "stride": (2, 1)}),
    ((2, 3, 7, 9), {"kernel_size": (3, 4), "padding": (1, 2)}),
    ((2, 3, 7, 9), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ((2, 3, 6, 8), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ((2, 3, 6, 8), {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}),
    ((2, 3, 5, 7), {"kernel_size": 2, "stride": 4, "ceil_mode": True}),
]

_BATCH_NORM: list[dict[str, Any]] = [
    {},
    {"eps": 0.3, "momentum": 0.7},
    {"momentum": None},
    {"momentum": 0.0, "bias": False},
    {"affine": False},
    {"track_running_stats": False},
]

_GROUP_NORM: list[tuple[Shape, dict[str, Any]]] = [
    ((5, 6), {"num_groups": 2}),
    ((5, 6, 4), {"num_groups": 3}),
    ((1, 6, 4, 3), {"num_groups": 6, "eps": 0.3}),
    ((5, 6, 4, 3), {"num_groups": 1, "affine": False}),
    ((5, 6, 4, 3, 2), {"num_groups": 2, "bias": False}),
    ((0, 6, 4), {"num_groups": 2}),
]

CASES: list[Case] = [
    Case("Linear", (2, 5), {"in_features": 5, "out_features": 3}, wrong=(2, 3)),
    Case("Linear", (5,), {"in_features": 5, "out_features": 3}, wrong=()),
    Case("Linear", (0, 5), {"in_features": 5, "out_features": 3}, wrong=(5, 1)),
    Case(
        "Linear",
        (2, 4, 5),
        {"in_features": 5, "out_features": 3, "bias": False},
        wrong=(2, 5, 4),
    ),
    Case("Flatten", (2, 3, 4), wrong=(3,)),
    Case("Flatten", (0, 3, 4), wrong=()),
    Case("Flatten", (2, 3, 4, 5), {"start_dim": -3, "end_dim": 2}, wrong=(2, 3)),
    *(Case(name, (2, 3, 4), arguments) for name, arguments in _ELEMENTWISE),
    *(
        Case(name, shape, {"dim": dim}, wrong)
        for name in ("Softmax", "LogSoftmax")
        for shape, dim, wrong in [
            ((2, 3, 4), 1, (5,)),
            ((2, 3), -1, None),
            ((3,), 0, None),
            ((0, 3), 1, (3,)),
            ((), 0, None),
        ]
    ),
    *(
        Case(
            "Conv2d", shape, {"in_channels": 4, "out_channels": 8, **rest}, (2, 5, 7, 9)
        )
        for shape, rest in _CONV2D
    ),
    *(
        Case("Conv1d", shape, {"in_channels": 4, "out_channels": 8, **rest}, (2, 5, 9))
        for shape, rest in _CONV1D
    ),
    *(
        Case(name, shape, {"in_channels": 4, "out_channels": 8, **rest}, wrong)
        for name, rows, wrong in [
            ("ConvTranspose2d", _CONV_TRANSPOSE2D, (2, 5, 7, 9)),
            ("ConvTranspose1d", _CONV_TRANSPOSE1D, (2, 5, 9)),
        ]
        for shape, rest in rows
    ),
    *(
        Case("Upsample", shape, {**arguments, **rest}, wrong=(3, 5, 6))
        for shape in [(2, 3, 5, 6), (0, 3, 5, 6)]
        for arguments in _UPSAMPLE
        for rest in [
            {},
            {"mode": "bilinear"},
            {"mode": "bilinear", "align_corners": True},
            {"mode": "bilinear", "align_corners": False},
        ]
    ),
    Case(
        "Conv2d",
        (2, 1, 5, 7),
        {"in_channels": 1, "out_channels": 3, "kernel_size": 4},
        wrong=(2, 1, 3, 7),
    ),
    *(
        Case(name, shape, arguments, wrong=(3, 8))
        for name in ("MaxPool2d", "AvgPool2d")
        for shape, arguments in _POOL2D
    ),
    Case(
        "MaxPool2d",
        (2, 3, 7, 9),
        {"kernel_size": (2, 3), "dilation": (3, 2)},
        (3, 1, 5),
    ),
    *(
        Case("MaxPool2d", (2, 3, 7, 11), {**arguments, "dilation": (2, 3)}, (3, 8))
        for arguments in (
            {"kernel_size": (3, 4), "padding": (1, 2), "stride": 1},
            {"kernel_size": (2, 3), "padding": 1, "stride": (2, 3), "ceil_mode": True},
        )
    ),
    *(
        Case("AvgPool2d", shape, {**arguments, **extra}, wrong=(2, 0, 7, 9))
        for shape, arguments in _POOL2D[4:]
        for extra in ({"count_include_pad": False}, {"divisor_override": 5})
    ),
    *(
        Case("AdaptiveAvgPool2d", shape, {"output_size": size}, wrong=(3, 8))
        for shape, size in [
            ((2, 3, 5, 7), 1),
            ((3, 5, 7), (2, 4)),
            ((2, 3, 5, 7), (None, 3)),
            ((2, 3, 5, 7), (6, 9)),
            ((0, 3, 5, 7), (2, 3)),
        ]
    ),
    *(
        Case(name, shape, {"num_features": 3, **options}, wrong, training=training)
        for name, shape, wrong in [
            ("BatchNorm1d", (5, 3), (3, 5)),
            ("BatchNorm1d", (5, 3, 4), (5, 4, 3)),
            ("BatchNorm1d", (0, 3, 4), (3,)),
            ("BatchNorm2d", (5, 3, 2, 4), (3, 2, 4)),
            ("BatchNorm2d", (1, 3, 2, 4), (3, 1, 2, 4)),
            ("BatchNorm2d", (0, 3, 2, 4), (5, 3, 2)),
        ]
        for options in _BATCH_NORM
        for training in (True, False)
    ),
    Case("BatchNorm1d", (1, 3), {"num_features": 3}, (1, 2), training=False),
    *(
        Case(name, shape, {"normalized_shape": size, **options}, wrong)
        for name in ("LayerNorm", "RMSNorm")
        for shape, size, options, wrong in [
            ((5, 3), 3, {}, (3, 5)),
            ((3,), (3,), {"eps": 0.3}, ()),
            ((5, 2, 4, 3), [4, 3], {}, (5, 2, 3, 4)),
            ((2, 5, 3), 3, {"elementwise_affine": False}, (2, 5, 1)),
            ((4, 3), (4, 3), {"eps": 0.0}, (3,)),
            ((0, 3), 3, {}, (0, 4)),
        ]
    ),
    Case(
        "LayerNorm", (2, 4, 3), {"normalized_shape": 3, "bias": False}, wrong=(2, 3, 4)
    ),
    *(
        Case("GroupNorm", shape, {"num_channels": 6, **options}, wrong=(6, 5))
        for shape, options in _GROUP_NORM
    ),
    *(
        Case("Dropout2d", shape, {"p": p}, wrong=shape[1:3])
        for shape in [(5, 3, 2, 4), (5, 3, 4), (0, 3, 2, 4)]
        for p in (0.0, 1.0)
    ),
    Case("Dropout", (2, 3, 4), training=False),
    Case("Dropout2d", (5, 3, 2, 4), wrong=(5, 3), training=False),
    *(
        Case("Embedding", shape, {**options, "embedding_dim": 4}, input=words)
        for shape, words in [
            ((2, 5), "three words"),
            ((7,), "three int32"),
            ((), "three words"),
            ((0, 5), "three words"),
        ]
        for options in [
            {"num_embeddings": 3},
            {"num_embeddings": 6, "padding_idx": 2},
            {"num_embeddings": 3, "padding_idx": -3},
        ]
    ),
]

# Shapes of what was pooled: the layer takes what MaxPool2d makes of it, and the places.
UNPOOL: list[Case] = [
    Case("MaxUnpool2d", shape, arguments)
    for shape, arguments in [
        ((2, 3, 6, 8), {"kernel_size": 2}),
        ((3, 6, 8), {"kernel_size": (3, 2)}),
        ((0, 3, 6, 8), {"kernel_size": 2}),
        ((2, 3, 7, 9), {"kernel_size": 3, "stride": (2, 1)}),
        ((2, 3, 5, 8), {"kernel_size": (3, 4), "padding": (1, 2), "stride": 2}),
        ((2, 3, 7, 10), {"kernel_size": 2, "stride": (3, 4)}),
    ]
]

_CLASS_SHAPES: list[Shape] = [(6, 4), (4,), (2, 4, 3), (2, 4, 3, 5), (0, 4)]

_CLASS_OPTIONS: list[dict[str, Any]] = [
    {},
    {"weight": positive(4, seed=7)},
    {"ignore_index": 2},
    {"weight": positive(4, seed=7), "ignore_index": 1},
]

LOSSES: list[LossCase] = [
    *(
        LossCase(name, shape, arguments)
        for name, arguments in [
            ("MSELoss", {}),
            ("L1Loss", {}),
            ("HuberLoss", {}),
            ("HuberLoss", {"delta": 0.6}),
            ("HuberLoss", {"delta": math.inf}),
        ]
        for shape in [(2, 3, 5), (), (0, 3)]
    ),
    *(
        LossCase("NLLLoss", shape, options, "log probabilities", target)
        for shape in _CLASS_SHAPES
        for options in _CLASS_OPTIONS
        for target in (["classes", "bytes"] if len(shape) < 3 else ["classes"])
    ),
    *(
        LossCase("CrossEntropyLoss", shape, {**options, **smoothing}, target="classes")
        for shape in _CLASS_SHAPES
        for options in _CLASS_OPTIONS
        for smoothing in ({}, {"label_smoothing": 0.2})
    ),
    *(
        LossCase("CrossEntropyLoss", shape, options, target="probabilities")
        for shape in _CLASS_SHAPES
        for options in [
            {},
            {"label_smoothing": 0.2},
            {"weight": positive(4, seed=7)},
            {"weight": positive(4, seed=7), "label_smoothing": 0.2},
        ]
    ),
    *(
        LossCase("BCELoss", shape, arguments, "probabilities", "probabilities")
        for shape in [(2, 3, 5), (), (0, 3)]
        for arguments in [{}, {"weight": positive(*shape[-1:], seed=7)}]
    ),
    *(
        LossCase("BCEWithLogitsLoss", shape, arguments, target="probabilities")
        for shape in [(2, 3, 5), (), (0, 3)]
        for arguments in [
            {},
            {"weight": positive(*shape[-1:], seed=7)},
            {"pos_weight": 3 * positive(*shape[-1:], seed=8)},
            {
                "weight": positive(*shape[-2:], seed=7),
                "pos_weight": 3 * positive(*shape[-1:], seed=8),
            },
        ]
    ),
    *(
        LossCase("KLDivLoss", shape, arguments, "log probabilities", target)
        for shape in [(2, 3, 5), (), (0, 3)]
        for arguments, target in [
            ({}, "probabilities"),
            ({"log_target": True}, "log probabilities"),
        ]
    ),
]

OPTIMIZERS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        for momentum, dampening, decay, nesterov, maximize in itertools.product(
            (0, 0.9), (0, 0.3), (0, 0.2), (False, True), (False, True)
        )
        if not nesterov or (momentum and not dampening)
    ],
    "Adagrad": [
        {
            "lr_decay": lr_decay,
            "weight_decay": decay,
            "initial_accumulator_value": start,
            "eps": eps,
            "maximize": maximize,
        }
        for lr_decay, decay, start, eps, maximize in itertools.product(
            (0, 0.1), (0, 0.2), (0, 0.3), (1e-10, 0.07), (False, True)
        )
    ],
    "RMSprop": [
        {
            "alpha": alpha,
            "eps": eps,
            "weight_decay": decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        for (alpha, eps), decay, momentum, centered, maximize in itertools.product(
            ((0.99, 1e-8), (0.7, 0.07)),
            (0, 0.2),
            (0, 0.9),
            (False, True),
            (False, True),
        )
    ],
    "Adam": [
        {
            "betas": betas,
            "eps": eps,
            "weight_decay": decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled,
        }
        for (betas, eps), (decay, decoupled), amsgrad, maximize in itertools.product(
            (((0.9, 0.999), 1e-8), ((0.6, 0.8), 0.07), ((0.0, 0.5), 1e-3)),
            ((0, False), (0, True), (0.2, False), (0.2, True)),
            (False, True),
            (False, True),
        )
    ],
    "AdamW": [
        {},
        *(
            {
                "betas": betas,
                "eps": eps,
                "weight_decay": decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
            }
            for (betas, eps), decay, amsgrad, maximize in itertools.product(
                (((0.9, 0.999), 1e-8), ((0.6, 0.8), 0.07)),
                (0, 0.2),
                (False, True),
                (False, True),
            )
        ),
    ],
    "Muon": [
        {},
        *(
            {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
            for momentum, nesterov, decay in itertools.product(
                (0, 0.8), (False, True), (0, 0.3)
            )
        ),
        {"adjust_lr_fn": "original"},
        {"adjust_lr_fn": "match_rms_adamw"},
        {"ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 3, "eps": 0.5},
        {"ns_steps": 0},
    ],
}

MATRICES_ONLY = {"Muon"}  # optimizers that refuse all other parameters

# The optimizer that is scheduled has two groups.
SCHEDULES: dict[str, list[dict[str, Any]]] = {
    "StepLR": [
        {"step_size": 7},
        {"step_size": 1, "gamma": 0.8},
        {"step_size": 20, "gamma": 0.0},
        {"step_size": 9, "gamma": 1.5},
    ],
    "MultiStepLR": [
        {"milestones": [5, 11, 12, 40]},
        {"milestones": [30, 8, 30], "gamma": 0.5},
        {"milestones": [0, 3], "gamma": 0.3},
        {"milestones": []},
    ],
    "ExponentialLR": [{"gamma": 0.9}, {"gamma": 1.1}, {"gamma": 0.0}],
    "LinearLR": [
        {},
        {"start_factor": 0.1, "total_iters": 13},
        {"start_factor": 1.0, "end_factor": 0.25, "total_iters": 1},
        {"start_factor": 0.5, "end_factor": 0.0, "total_iters": 40},
    ],
    "CosineAnnealingLR": [
        {"T_max": 30},
        {"T_max": 30, "eta_min": 0.004},
        {"T_max": 1},
        {"T_max": 7, "eta_min": 0.2},
        {"T_max": 200},
    ],
    "LambdaLR": [
        {"lr_lambda": lambda step: 1 / (1 + step)},
        {"lr_lambda": [lambda step: 0.9**step, lambda step: float(step % 3)]},
    ],
    "OneCycleLR": [
        {"max_lr": 0.3, **length, **rest}
        for length in ({"total_steps": 65}, {"epochs": 13, "steps_per_epoch": 7})
        for rest in (
            {},
            {"anneal_strategy": "linear"},
            {"three_phase": True},
            {"three_phase": True, "anneal_strategy": "linear", "pct_start": 0.2},
            {"cycle_momentum": False, "pct_start": 0.2},
            {"pct_start": 0.0},
            {"pct_start": 0.6, "three_phase": True},
            {"div_factor": 10.0, "final_div_factor": 50.0},
            {"max_lr": [0.3, 0.7], "base_momentum": [0.5, 0.6], "max_momentum": 0.8},
            {"base_momentum": 0.2, "max_momentum": [0.9, 0.99]},
        )
    ],
    "ReduceLROnPlateau": [
        {"mode": mode, "patience": patience, "eps": 0.0, **rest}
        for mode in ("min", "max")
        for patience in (0, 3)
        for rest in (
            {},
            {"factor": 0.5, "min_lr": 0.01},
            {"factor": 0.9, "min_lr": [0.02, 0.08], "cooldown": 2},
            {"factor": 0.7, "threshold": 0.2},
            {"factor": 0.7, "threshold": 0.2, "threshold_mode": "abs"},
            {"factor": 0.6, "eps": 0.005},
        )
    ],
}
