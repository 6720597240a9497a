"""VGG and GoogLeNet are the papers'; vision models learn and equal torch's layers."""

import math
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from dlbook import nn, optim
from dlbook.models import (
    VGG,
    Bottleneck,
    GoogLeNet,
    Inception,
    ResNet,
    resnet18,
    small_resnet,
    vgg16,
)
from dlbook.runtime import generator

TABLE_1 = {  # Szegedy et al. (2015): channels, and thousands (1024) of weights
    "inception3a": (192, 64, 96, 128, 16, 32, 32, 159),
    "inception3b": (256, 128, 128, 192, 32, 96, 64, 380),
    "inception4a": (480, 192, 96, 208, 16, 48, 64, 364),
    "inception4b": (512, 160, 112, 224, 24, 64, 64, 437),
    "inception4c": (512, 128, 128, 256, 24, 64, 64, 463),
    "inception4d": (512, 112, 144, 288, 32, 64, 64, 580),
    "inception4e": (528, 256, 160, 320, 32, 128, 128, 840),
    "inception5a": (832, 256, 160, 320, 32, 128, 128, 1072),
    "inception5b": (832, 384, 192, 384, 48, 128, 128, 1388),
}
PAPER_DISAGREES_WITH_ITS_TABLE = {"inception4c": 0.075, "inception5a": -0.051}

SMALL = {  # a small model, and a batch of images that fits it
    "resnet18": (lambda: resnet18(4), (2, 3, 64, 64)),
    "bottlenecks": (
        lambda: ResNet(Bottleneck, (1, 2), 4, 2, channels=(4, 6)),
        (8, 2, 20, 24),
    ),
    "small resnet": (lambda: small_resnet(14, 4, 1, (5, 7, 9)), (8, 1, 16, 12)),
    "plain": (
        lambda: small_resnet(14, 4, 1, (5, 7, 9), residual=False),
        (8, 1, 16, 12),
    ),
    "vgg": (
        lambda: VGG((1, 1, 2), (16, 24, 32), 4, 1, 1, ()),
        (8, 1, 28, 28),
    ),
    "vgg with hidden layers": (
        lambda: VGG((1, 2), (7, 9), 4, 2, 3, (20, 12), batch_norm=True, dropout=0),
        (8, 2, 13, 15),
    ),
    "googlenet": (lambda: GoogLeNet(4, 1, dropout=0), (8, 1, 24, 24)),
    "normalized googlenet": (
        lambda: GoogLeNet(4, 1, dropout=0, batch_norm=True),
        (8, 1, 24, 24),
    ),
    "inception": (
        lambda: nn.Sequential(
            Inception(1, 4, 3, 6, 2, 5, 7),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(22 * 4, 4),
        ),
        (8, 1, 9, 11),
    ),
}
WIDE = {"resnet18", "googlenet", "normalized googlenet"}  # they need small steps
every_small = pytest.mark.parametrize("name", SMALL)


def make(name):
    """Build a model with weights of its own seed, and one batch that fits it."""
    build, shape = SMALL[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    images = torch.randn(shape, generator=generator(1))
    return model, images, torch.arange(len(images)) % 4


@every_small
def test_torchs_layers_give_the_same_scores_and_gradients(name):
    model, images, targets = make(name)
    model, images = model.double(), images.double()
    twin, loss = nn.to_torch(model), nn.CrossEntropyLoss()
    for training in (True, False):
        found = []
        for network in (model.train(training), twin.train(training)):
            seen = images.clone().requires_grad_()
            output = network(seen)
            wanted = [seen, *network.parameters()]
            found.append([output, *torch.autograd.grad(loss(output, targets), wanted)])
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@every_small
def test_it_overfits_one_batch_and_every_parameter_gets_a_gradient(name):
    model, images, targets = make(name)
    loss = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=3e-4 if name in WIDE else 0.01)
    for step in range(60):
        optimizer.zero_grad()
        value = loss(model(images), targets)
        value.backward()
        if step == 0:
            assert all(p.grad.abs().sum() > 0 for p in model.parameters())
        if value < 0.05:
            break
        optimizer.step()
    assert value < 0.05


def vgg16_entries():
    """List names and shapes in torchvision's state dict, from the paper's table."""
    seen, number = 3, 0
    for wide, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            yield f"features.{number}.weight", (wide, seen, 3, 3)
            yield f"features.{number}.bias", (wide,)
            seen, number = wide, number + 2  # ReLU has the number between
        number += 1  # pooling
    sizes = (512 * 7 * 7, 4096, 4096, 1000)
    for number, (size, wide) in zip((0, 3, 6), pairwise(sizes), strict=True):
        yield f"classifier.{number}.weight", (wide, size)
        yield f"classifier.{number}.bias", (wide,)


def test_vgg16_has_torchvisions_names_shapes_and_number_of_parameters():
    with torch.device("meta"):
        model = vgg16()
    found = [(name, tuple(t.shape)) for name, t in model.state_dict().items()]
    assert found == list(vgg16_entries())
    assert sum(p.numel() for p in model.parameters()) == 138_357_544


def test_vgg16_halves_a_photograph_five_times_and_averages_nothing():
    with torch.device("meta"):
        features = vgg16(10, 2).features(torch.zeros(1, 2, 224, 224))
        assert features.shape == (1, 512, 7, 7)
        assert vgg16(10, 2)(torch.zeros(1, 2, 224, 224)).shape == (1, 10)
    model = VGG((1,), (3,), places=2)
    image = torch.randn(2, 3, 2, 2, generator=generator(1))
    assert torch.equal(model.avgpool(image), image)


def test_the_layers_of_a_vgg_follow_each_other_as_in_the_paper():
    model = VGG((1, 2), (4, 5), hidden_features=(6,), places=3, dropout=0.3)
    one = [nn.Conv2d, nn.ReLU]
    layers = [type(layer) for layer in model.features]
    assert layers == [*one, nn.MaxPool2d, *one, *one, nn.MaxPool2d]
    layers = [type(layer) for layer in model.classifier]
    assert layers == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert model.classifier[2].p == 0.3
    assert model.classifier[0].in_features == 5 * 3 * 3
    normalized = VGG((1, 2), (4, 5), batch_norm=True).features
    one = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    layers = [type(layer) for layer in normalized]
    assert layers == [*one, nn.MaxPool2d, *one, *one, nn.MaxPool2d]


def test_a_vgg_reads_its_features_channel_by_channel_and_row_by_row():
    model = VGG((1,), (4,), 5, 2, places=3, hidden_features=()).double()
    image = torch.randn(6, 2, 6, 6, generator=generator(1)).double()
    (conv, _, _), (linear,) = model.features, model.classifier
    seen = F.relu(F.conv2d(image, conv.weight, conv.bias, padding=1))
    seen = F.max_pool2d(seen, 2).flatten(1)
    expected = F.linear(seen, linear.weight, linear.bias)
    torch.testing.assert_close(model(image), expected, rtol=1e-10, atol=1e-12)


def test_first_values_of_a_vgg_are_torchvisions():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VGG((1, 1), (60, 70), 50, places=2, hidden_features=(40,))
    std = model.features[3].weight.std().item()
    assert std == pytest.approx(math.sqrt(2 / (9 * 70)), rel=0.02)
    assert model.classifier[0].weight.std().item() == pytest.approx(0.01, rel=0.05)
    for name, parameter in model.named_parameters():
        assert "bias" not in name or (parameter == 0).all()


def test_googlenet_has_the_papers_sizes_at_every_stage():
    with torch.device("meta"):
        model, image = GoogLeNet(), torch.zeros(1, 3, 224, 224)
        shapes = {}
        for name, layer in model.features.named_children():
            image = layer(image)
            shapes[name] = tuple(image.shape[1:])
        assert model.classifier(image).shape == (1, 1000)
    stem = {"conv1": (64, 112), "pool1": (64, 56), "conv2": (192, 56)}
    rest = {"pool2": (192, 28), "pool3": (480, 14), "pool4": (832, 7)}
    for name, (_, ones, _, threes, _, fives, pooled, _) in TABLE_1.items():
        size = {"3": 28, "4": 14, "5": 7}[name[-2]]
        rest[name] = (ones + threes + fives + pooled, size)
    expected = {name: (n, s, s) for name, (n, s) in (stem | rest).items()}
    assert shapes == expected
    order = ", ".join(name[-2:] for name in shapes)
    assert order == "v1, l1, v2, l2, 3a, 3b, l3, 4a, 4b, 4c, 4d, 4e, l4, 5a, 5b"


@pytest.mark.parametrize("name", TABLE_1)
def test_a_block_has_the_weights_of_its_row_and_the_papers_count_except_in_4c_and_5a(
    name,
):
    """The paper counts weights without biases, in units of 1024, and roughly.

    Seven rows are within 2 % of what their own channels give. Those of 4c and 5a are
    7.5 % too low and 5 % too high, whatever the unit: the table contradicts itself.
    """
    seen, ones, reduce3, threes, reduce5, fives, pooled, paper = TABLE_1[name]
    with torch.device("meta"):
        block = GoogLeNet().features.get_submodule(name)
    weights = sum(p.numel() for p in block.parameters() if p.ndim == 4)
    assert weights == (
        seen * (ones + reduce3 + reduce5 + pooled)
        + 9 * reduce3 * threes
        + 25 * reduce5 * fives
    )
    excess = PAPER_DISAGREES_WITH_ITS_TABLE.get(name, 0)
    tolerance = 0.001 if excess else 0.02
    assert weights / 1024 / paper - 1 == pytest.approx(excess, abs=tolerance)


def test_googlenet_has_22_layers_with_weights_and_7_million_numbers():
    with torch.device("meta"):
        model = GoogLeNet()
    depth = 1  # the affine map
    for name, layer in model.features.named_children():
        longest = layer.threes if name in TABLE_1 else layer
        depth += sum(isinstance(part, nn.Conv2d) for part in longest.modules())
    assert depth == 22
    stem = (3 * 49 + 1) * 64 + (64 + 1) * 64 + (9 * 64 + 1) * 192
    blocks = sum(
        (seen + 1) * (ones + reduce3 + reduce5 + pooled)
        + (9 * reduce3 + 1) * threes
        + (25 * reduce5 + 1) * fives
        for seen, ones, reduce3, threes, reduce5, fives, pooled, _ in TABLE_1.values()
    )
    total = sum(p.numel() for p in model.parameters())
    assert total == stem + blocks + (1024 + 1) * 1000
    assert GoogLeNet(7, 1).classifier[2].p == 0.4


def test_an_inception_block_is_its_four_branches_in_torchs_functions():
    block = Inception(3, 4, 5, 6, 7, 8, 9).double()
    for parameter in block.parameters():  # biases too must count
        nn.init.normal_(parameter, std=0.5, generator=generator(parameter.numel()))
    image = torch.randn(2, 3, 10, 11, generator=generator(1)).double()

    def follow(x, *convolutions):
        for layer in convolutions:
            size = layer.weight.shape[-1]
            x = F.relu(F.conv2d(x, layer.weight, layer.bias, padding=size // 2))
        return x

    layers = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.kernel_size[0] for layer in layers] == [1, 1, 3, 1, 5, 1]
    expected = torch.cat(
        [
            follow(image, layers[0]),
            follow(image, *layers[1:3]),
            follow(image, *layers[3:5]),
            follow(F.max_pool2d(image, 3, 1, 1), layers[5]),
        ],
        dim=1,
    )
    assert block.out_channels == 27
    torch.testing.assert_close(block(image), expected, rtol=1e-10, atol=1e-12)


def test_first_values_of_googlenet_keep_the_size_of_signals():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block = GoogLeNet().features.inception4e
    fan_in = 9 * 160
    std = block.threes[2].weight.std().item()
    assert std == pytest.approx(math.sqrt(2 / fan_in), rel=0.01)
    assert (block.threes[2].bias == 0).all()


def test_batch_normalization_takes_the_place_of_the_bias():
    block = Inception(3, 4, 5, 6, 7, 8, 9, batch_norm=True)
    layers = [type(layer) for layer in block.threes]
    assert layers == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 2
    convolutions = [c for c in block.modules() if isinstance(c, nn.Conv2d)]
    assert all(layer.bias is None for layer in convolutions)
    with torch.device("meta"):
        model = GoogLeNet(batch_norm=True)
    convolutions = [c for c in model.modules() if isinstance(c, nn.Conv2d)]
    assert all(layer.bias is None for layer in convolutions)
    norms = [n for n in model.modules() if isinstance(n, nn.BatchNorm2d)]
    assert len(norms) == len(convolutions) == 3 + 9 * 6
    layers = [type(layer) for layer in Inception(3, 4, 5, 6, 7, 8, 9).threes]
    assert layers == [nn.Conv2d, nn.ReLU] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VGG((1, 2), (4,)), r"convolutions as channels.*\(1, 2\) and \(4,\)"),
        (lambda: VGG((), ()), r"got \(\) and \(\)"),
        (lambda: VGG((1, 0), (4, 5)), "each stage must be at least 1, got 0"),
        (lambda: VGG((1,), (4,), places=0), "output_size must be at least 1, got 0"),
        (
            lambda: VGG((1, 1), (4, 5), places=1)(torch.zeros(1, 3, 3, 9)),
            "does not fit into 1 elements",
        ),
        (lambda: Inception(3, 4, 5, 6, 0, 8, 9), "out_channels must be at least 1"),
        (
            lambda: Inception(3, 4, 5, 6, 7, 8, 9)(torch.zeros(1, 2, 5, 5)),
            r"Conv2d expects input of shape \(batch, 3,.*got \(1, 2, 5, 5\)",
        ),
    ],
)
def test_what_cannot_be_built_or_seen_is_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        make()
