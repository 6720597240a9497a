"""What is not implemented or makes no sense is refused in words, with the values."""

import re

import numpy as np
import pytest
import torch

from dlbook import nn
from tests.cases import numbers

INTEGERS = torch.ones(2, 3, 4, 4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: nn.ReLU(inplace=True), NotImplementedError, "ReLU never overwrites"),
        (lambda: nn.LeakyReLU(inplace=True), NotImplementedError, "never overwrites"),
        (lambda: nn.ELU(inplace=True), NotImplementedError, "never overwrites"),
        (lambda: nn.SiLU(inplace=True), NotImplementedError, "never overwrites"),
        (lambda: nn.Dropout(inplace=True), NotImplementedError, "never overwrites"),
        (lambda: nn.GELU("sigmoid"), ValueError, "none, tanh; got 'sigmoid'"),
        (lambda: nn.Softmax(), ValueError, "Softmax needs to know its axis"),
        (lambda: nn.LogSoftmax(), ValueError, "LogSoftmax needs to know its axis"),
        (lambda: nn.Dropout(1.5), ValueError, r"\[0, 1\], got 1.5"),
        (lambda: nn.Dropout("a"), TypeError, "Dropout: p must be a number, got 'a'"),
        (lambda: nn.Linear(True, 3), TypeError, "an integer, got True"),
        (lambda: nn.Conv2d(3, 4, (True, 2)), TypeError, "an integer, got True"),
        (lambda: nn.Linear(0, 3), ValueError, "in_features must be at least 1, got 0"),
        (lambda: nn.Linear(3, 2.5), TypeError, "out_features must be an integer"),
        (lambda: nn.Conv2d(3, 4, 0), ValueError, "kernel_size must be at least 1"),
        (lambda: nn.Conv2d(3, 4, 3, 0), ValueError, "stride must be at least 1"),
        (
            lambda: nn.Conv2d(3, 4, 3, padding=-1),
            ValueError,
            "padding must be at least",
        ),
        (lambda: nn.Conv2d(3, 4, 3, dilation=0), ValueError, "dilation must be at"),
        (lambda: nn.Conv2d(3, 4, (1, 2, 3)), ValueError, r"or 2, got \(1, 2, 3\)"),
        (lambda: nn.Conv2d(3, 4, 1.5), TypeError, "kernel_size must be an integer"),
        (
            lambda: nn.Conv2d(3, 4, (1.5, 2)),
            TypeError,
            "kernel_size must be an integer",
        ),
        (lambda: nn.Conv2d(3, 4, 3, padding="sam"), ValueError, "valid; got 'sam'"),
        (lambda: nn.Conv2d(3, 4, 3, 2, "same"), ValueError, r"stride 1, got \(2, 2\)"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "divisible.*3, 4 and 2"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "divisible.*4, 3 and 2"),
        (lambda: nn.Conv2d(4, 4, 3, groups=0), ValueError, "groups must be at least 1"),
        (
            lambda: nn.Conv1d(3, 4, 3, padding_mode="circular"),
            NotImplementedError,
            "only padding_mode='zeros'.*'circular'",
        ),
        (lambda: nn.MaxPool2d(2, padding=2), ValueError, "between 0 and 1.*got 2"),
        (lambda: nn.AvgPool2d(2, padding=-1), ValueError, "between 0 and 1.*got -1"),
        (lambda: nn.MaxPool2d(2, stride=0), ValueError, "stride must be at least 1"),
        (lambda: nn.MaxPool2d(0), ValueError, "kernel_size must be at least 1, got 0"),
        (
            lambda: nn.MaxPool2d(2, dilation=0),
            ValueError,
            "dilation must be at least 1",
        ),
        (lambda: nn.AvgPool2d((2, 2, 2)), ValueError, "kernel_size must be one"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), ValueError, "must not be 0"),
        (
            lambda: nn.AvgPool2d(2, divisor_override=2.5),
            TypeError,
            "divisor_override must be an integer, got 2.5",
        ),
        (lambda: nn.AdaptiveAvgPool2d(0), ValueError, "output_size.*got 0"),
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), ValueError, "one number or two"),
        (lambda: nn.MSELoss(reduction="avg"), ValueError, "none, mean, sum; got 'avg'"),
        (lambda: nn.MSELoss(reduction="batchmean"), ValueError, "got 'batchmean'"),
        (lambda: nn.MSELoss(size_average=True), ValueError, "use reduction="),
        (lambda: nn.KLDivLoss(reduce=False), ValueError, "use reduction="),
        (lambda: nn.CrossEntropyLoss(reduce=True), ValueError, "use reduction="),
        (lambda: nn.BCELoss(size_average=False), ValueError, "use reduction="),
        (lambda: nn.HuberLoss(delta=0.0), ValueError, "delta must be positive, got 0"),
        (lambda: nn.HuberLoss(delta="a"), TypeError, "delta must be a number, got 'a'"),
        (
            lambda: nn.CrossEntropyLoss(label_smoothing="a"),
            TypeError,
            "label_smoothing must be a number, got 'a'",
        ),
        (
            lambda: nn.CrossEntropyLoss(label_smoothing=1.5),
            ValueError,
            r"label_smoothing must lie in \[0, 1\], got 1.5",
        ),
    ],
)
def test_an_argument_is_refused_when_the_layer_is_made(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("loss", "input", "target", "error", "words"),
    [
        (nn.MSELoss(), (3, 1), (3,), ValueError, r"shape \(3, 1\), got \(3,\)"),
        (nn.L1Loss(), (3, 1), (3,), ValueError, r"shape \(3, 1\), got \(3,\)"),
        (nn.HuberLoss(), (2, 3), (3, 2), ValueError, r"\(2, 3\), got \(3, 2\)"),
        (nn.KLDivLoss(), (2, 3), (3,), ValueError, r"\(2, 3\), got \(3,\)"),
        (nn.BCELoss(), (2, 3), (2,), ValueError, r"\(2, 3\), got \(2,\)"),
        (nn.BCEWithLogitsLoss(), (2, 1), (2,), ValueError, r"\(2, 1\), got \(2,\)"),
        (nn.CrossEntropyLoss(), (2, 3), (2, 4), ValueError, r"\(2, 3\), got \(2, 4\)"),
        (nn.CrossEntropyLoss(), (), (), ValueError, r"\(classes,\).*got \(\)"),
        (nn.CrossEntropyLoss(), (2, 0), (2, 0), ValueError, r"one class, got \(2, 0\)"),
        (
            nn.CrossEntropyLoss(ignore_index=0),
            (2, 3),
            (2, 3),
            ValueError,
            "ignore_index needs classes",
        ),
        (
            nn.CrossEntropyLoss(weight=torch.ones(4)),
            (2, 3),
            (2, 3),
            ValueError,
            r"each of 3 classes, got shape \(4,\)",
        ),
        (
            nn.CrossEntropyLoss(weight=torch.ones(3).double()),
            (2, 3),
            (2, 3),
            TypeError,
            "a weight of the input's type torch.float32, got torch.float64",
        ),
        (
            nn.BCELoss(weight=torch.ones(2, 3)),
            (3,),
            (3,),
            ValueError,
            r"weight of shape \(2, 3\).*\(3,\)",
        ),
        (
            nn.BCEWithLogitsLoss(pos_weight=torch.ones(2)),
            (2, 3),
            (2, 3),
            ValueError,
            r"pos_weight of shape \(2,\).*\(2, 3\)",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused_not_broadcast(
    loss, input, target, error, words
):
    with pytest.raises(error, match=words):
        loss(torch.rand(input), torch.rand(target))


@pytest.mark.parametrize("loss", [nn.NLLLoss(), nn.CrossEntropyLoss()])
@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (torch.tensor([0, 3]), ValueError, "knows classes 0 … 2, got 3"),
        (torch.tensor([0, -1]), ValueError, "knows classes 0 … 2, got -1"),
        (torch.tensor([[0], [1]]), ValueError, r"targets of shape \(2,\).*\(2, 1\)"),
        (torch.tensor([0, 1, 2]), ValueError, r"targets of shape \(2,\).*\(3,\)"),
        (
            torch.tensor([0, 1]).int(),
            TypeError,
            "int64 or torch.uint8, got torch.int32",
        ),
        (torch.tensor([True, False]), TypeError, "got torch.bool"),
    ],
)
def test_class_numbers_that_make_no_sense_are_refused(loss, target, error, words):
    with pytest.raises(error, match=words):
        loss(torch.zeros(2, 3), target)


def test_probabilities_are_no_class_numbers_for_nll():
    with pytest.raises(TypeError, match=r"got torch\.float32"):
        nn.NLLLoss()(torch.zeros(2, 3), torch.ones(2, 3))


@pytest.mark.parametrize("bad", [-0.5, 1.5, float("nan")])
def test_binary_cross_entropy_refuses_what_is_no_probability(bad):
    good, wrong = torch.tensor([0.5, 0.5]), torch.tensor([0.5, bad])
    with pytest.raises(ValueError, match=rf"input must lie in \[0, 1\], got {bad}"):
        nn.BCELoss()(wrong, good)
    with pytest.raises(ValueError, match=rf"target must lie in \[0, 1\], got {bad}"):
        nn.BCELoss()(good, wrong)


@pytest.mark.parametrize(
    "layer",
    [
        nn.LeakyReLU(),
        nn.ELU(),
        nn.GELU(),
        nn.SiLU(),
        nn.Softplus(),
        nn.Softmax(dim=0),
        nn.LogSoftmax(dim=0),
        nn.MaxPool2d(2),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(2),
        nn.Dropout(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_whole_numbers_are_refused_by_name(layer):
    with pytest.raises(TypeError, match=f"{type(layer).__name__}.*torch.int64"):
        layer(INTEGERS)


@pytest.mark.parametrize(
    "loss",
    [
        nn.MSELoss(),
        nn.L1Loss(),
        nn.HuberLoss(),
        nn.KLDivLoss(),
        nn.BCELoss(),
        nn.BCEWithLogitsLoss(),
        nn.CrossEntropyLoss(),
        nn.NLLLoss(),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_losses_refuse_whole_numbers_as_predictions(loss):
    with pytest.raises(TypeError, match=f"{type(loss).__name__}.*torch.int64"):
        loss(INTEGERS, INTEGERS)


@pytest.mark.parametrize("loss", [nn.KLDivLoss(), nn.BCEWithLogitsLoss()])
def test_losses_between_probabilities_refuse_whole_numbers_as_targets(loss):
    words = f"{type(loss).__name__} needs floating-point target, got torch.int64"
    with pytest.raises(TypeError, match=words):
        loss(INTEGERS.float(), INTEGERS)


@pytest.mark.parametrize(
    "loss",
    [nn.MSELoss(), nn.HuberLoss(), nn.BCELoss(), nn.NLLLoss(), nn.CrossEntropyLoss()],
    ids=lambda loss: type(loss).__name__,
)
def test_losses_refuse_what_is_no_tensor(loss):
    name = type(loss).__name__
    with pytest.raises(TypeError, match=f"{name} needs a tensor as target, got float"):
        loss(torch.rand(2, 3), 0.0)
    with pytest.raises(TypeError, match=f"{name} needs a tensor as input, got list"):
        loss([0.5, 0.5], torch.rand(2))


@pytest.mark.parametrize("loss", [nn.HuberLoss(), nn.BCELoss()])
def test_a_target_of_another_type_is_refused_where_torch_fails(loss):
    with pytest.raises(TypeError, match=r"float32, got torch\.float64"):
        loss(torch.rand(3), torch.rand(3).double())


@pytest.mark.parametrize("name", ["MSELoss", "L1Loss"])
def test_whole_numbers_as_targets_are_fine_where_torch_takes_them(name):
    input, target = numbers(3), torch.tensor([0, 1, 2])
    ours, theirs = getattr(nn, name)(), getattr(torch.nn, name)()
    torch.testing.assert_close(ours(input, target), theirs(input, target))


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.KLDivLoss(), nn.BCEWithLogitsLoss()])
def test_boolean_targets_are_refused(loss):
    with pytest.raises(TypeError, match=r"torch\.bool"):
        loss(torch.rand(3), torch.ones(3, dtype=torch.bool))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.Linear(3, 2), (1, 3)), (nn.Conv1d(3, 2, 1), (3, 4))],
    ids=["Linear", "Conv1d"],
)
def test_an_input_of_another_type_or_device_is_refused(layer, shape):
    with pytest.raises(TypeError, match=r"weight is torch\.float32.*torch\.float64"):
        layer(torch.zeros(shape, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"weight is on cpu.*meta"):
        layer(torch.zeros(shape, device="meta"))


@pytest.mark.parametrize(
    ("name", "sizes", "shape"),
    [
        ("Linear", (4, 3), (2, 4)),
        ("Conv2d", (4, 3, 2), (4, 5, 6)),
        ("MaxPool2d", (2, 3), (4, 5, 6)),
        ("AdaptiveAvgPool2d", (2,), (4, 5, 6)),
    ],
)
def test_integers_of_numpy_are_integers(name, sizes, shape):
    plain = getattr(nn, name)(*sizes)
    layer = getattr(nn, name)(*map(np.int64, sizes))
    layer.load_state_dict(plain.state_dict())
    expected = plain(torch.ones(shape))
    for twin in (layer, nn.to_torch(layer)):
        torch.testing.assert_close(twin(torch.ones(shape)), expected)


@pytest.mark.parametrize("wrong", [True, 2.0, np.float64(2), np.True_], ids=repr)
def test_only_integers_are_integers(wrong):
    for make in (lambda n: nn.Linear(n, 3), nn.MaxPool2d, nn.AdaptiveAvgPool2d):
        with pytest.raises(TypeError, match="must be an integer, got "):
            make(wrong)


def test_a_wrong_shape_is_named_with_what_was_expected():
    words = "(batch, 3, height, width) or (3, height, width), got (2, 4, 5, 5)"
    with pytest.raises(ValueError, match=re.escape(words)):
        nn.Conv2d(3, 2, 3)(torch.zeros(2, 4, 5, 5))
    with pytest.raises(ValueError, match="spans 7 does not fit into 5 elements"):
        nn.Conv2d(3, 2, 3, dilation=3)(torch.zeros(2, 3, 5, 5))
    with pytest.raises(ValueError, match="start_dim 2 comes after end_dim 1"):
        nn.Flatten(2, 1)(torch.zeros(2, 3, 4))
