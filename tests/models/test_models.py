"""Models learn, reach every parameter, and refuse other shapes."""

import pytest
import torch

from dlbook import nn, optim
from dlbook.models import MLP, LeNet
from dlbook.runtime import generator


def make(name):
    """Build a model with weights of its own seed, and one batch that fits it."""
    builders = {
        "MLP": (lambda: MLP(12, [16, 9], 4), (8, 3, 4)),
        "linear": (lambda: MLP(12, [], 4), (8, 12)),
        "normalized MLP": (
            lambda: MLP(12, [16, 9], 4, normalization=nn.BatchNorm1d),
            (8, 12),
        ),
        "LeNet": (lambda: LeNet(num_classes=4), (8, 1, 28, 28)),
        "sigmoid LeNet": (
            lambda: LeNet(num_classes=4, activation=nn.Sigmoid, pool=nn.AvgPool2d),
            (8, 1, 28, 28),
        ),
        "small LeNet": (
            lambda: LeNet(2, 8, 4, (5, 7), 3, (11,), padding="same"),
            (8, 2, 8, 8),
        ),
    }
    build, shape = builders[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    inputs = torch.randn(shape, generator=generator(1))
    return model, inputs, torch.arange(8) % 4


def check_gradients(model):
    """Every parameter has a gradient; a bias before batch normalization has none."""
    normalized = any(isinstance(layer, nn.BatchNorm1d) for layer in model.modules())
    for layer in model.modules():
        cancelled = normalized and isinstance(layer, nn.Linear)
        cancelled = cancelled and layer is not model.classifier[0]
        for name, parameter in layer.named_parameters(recurse=False):
            size = parameter.grad.abs().sum()
            assert size < 1e-5 if cancelled and name == "bias" else size > 1e-4


@pytest.mark.parametrize(
    "name", ["MLP", "linear", "normalized MLP", "LeNet", "small LeNet"]
)
def test_it_overfits_one_batch_and_every_parameter_gets_a_gradient(name):
    model, inputs, targets = make(name)
    loss = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(60):
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        if step == 0:
            check_gradients(model)
        optimizer.step()
    assert loss(model(inputs), targets) < 0.05


def test_sigmoids_and_average_pooling_give_the_original_flavour():
    model, inputs, _ = make("sigmoid LeNet")
    layers = [type(layer) for layer in model.features]
    assert layers == [nn.Conv2d, nn.Sigmoid, nn.AvgPool2d] * 2
    model(inputs).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_lenet_has_the_sizes_of_the_original():
    model, inputs, _ = make("LeNet")
    shapes = []
    for layer in model.features:
        inputs = layer(inputs)
        shapes.append(tuple(inputs.shape[1:]))
    assert shapes[::3] == [(6, 28, 28), (16, 10, 10)]
    assert shapes[2::3] == [(6, 14, 14), (16, 5, 5)]
    sizes = [
        layer.in_features for layer in model.classifier if hasattr(layer, "weight")
    ]
    assert sizes == [400, 120, 84]


@pytest.mark.parametrize(("padding", "places"), [(0, 1), ("same", 2), (1, 2)])
def test_lenet_fits_small_digits(padding, places):
    model = LeNet(image_size=8, kernel_size=3, padding=padding)
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert model.features(torch.zeros(2, 1, 8, 8)).shape == (2, 16, places, places)


def test_lenet_says_when_the_image_is_too_small():
    with pytest.raises(ValueError, match="spans 5 does not fit into 4 elements"):
        LeNet(image_size=8)


def test_dropout_follows_each_hidden_layer_when_wanted():
    model = MLP(3, [4, 5], 2, activation=nn.Tanh, dropout=0.3)
    hidden = [nn.Linear, nn.Tanh, nn.Dropout]
    assert [type(layer) for layer in model.features] == [nn.Flatten, *hidden, *hidden]
    assert model.features[3].p == 0.3


def test_normalization_stands_between_the_affine_map_and_the_activation():
    model = MLP(3, [4, 5], 2, nn.Tanh, dropout=0.3, normalization=nn.LayerNorm)
    hidden = [nn.Linear, nn.LayerNorm, nn.Tanh, nn.Dropout]
    assert [type(layer) for layer in model.features] == [nn.Flatten, *hidden, *hidden]
    sizes = [model.features[i].normalized_shape for i in (2, 6)]
    assert sizes == [(4,), (5,)]


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (MLP(12, [5], 3), (2, 13)),
        (MLP(12, [5], 3), (12,)),
        (LeNet(), (2, 1, 28, 27)),
        (LeNet(), (2, 3, 28, 28)),
        (LeNet(), (1, 28, 28)),
        (LeNet(image_size=8, kernel_size=3), (2, 1, 28, 28)),
    ],
    ids=lambda value: getattr(type(value), "__name__", None),
)
def test_another_shape_is_refused_with_both_shapes(model, shape):
    with pytest.raises(ValueError, match=r"expects input of shape \(batch.*got \("):
        model(torch.zeros(shape))


@pytest.mark.parametrize("name", ["MLP", "LeNet"])
def test_an_empty_batch_gives_an_empty_output(name):
    model, inputs, _ = make(name)
    assert model(inputs[:0]).shape == (0, 4)
