"""ResNets have the published names, sizes, numbers and first values; plain nets too."""

import math

import pytest
import torch
from torch.nn import functional as F

from dlbook import nn
from dlbook.models import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    small_resnet,
)
from dlbook.runtime import generator

PUBLISHED = {  # blocks of each stage, convolutions of a block, torchvision's count
    resnet18: ((2, 2, 2, 2), 2, 11_689_512),
    resnet34: ((3, 4, 6, 3), 2, 21_797_672),
    resnet50: ((3, 4, 6, 3), 3, 25_557_032),
}
each_published = pytest.mark.parametrize("make", PUBLISHED, ids=lambda f: f.__name__)


def seeded(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def named(conv, norm, out, seen, size):
    """List a convolution and its normalization as torchvision's state dicts do."""
    yield f"{conv}.weight", (out, seen, size, size)
    for name in ("weight", "bias", "running_mean", "running_var"):
        yield f"{norm}.{name}", (out,)
    yield f"{norm}.num_batches_tracked", ()


def torchvision_entries(depths, convolutions):
    """List names and shapes in torchvision's state dict, from the layer table."""
    yield from named("conv1", "bn1", 64, 3, 7)
    seen = 64
    for stage, depth in enumerate(depths, start=1):
        wide = 32 * 2**stage
        out = wide if convolutions == 2 else 4 * wide
        for number in range(depth):
            block = f"layer{stage}.{number}"
            sizes = [(wide, seen, 3), (wide, wide, 3)]
            if convolutions == 3:
                sizes = [(wide, seen, 1), (wide, wide, 3), (out, wide, 1)]
            for i, size in enumerate(sizes, start=1):
                yield from named(f"{block}.conv{i}", f"{block}.bn{i}", *size)
            if number == 0 and seen != out:
                shortcut = f"{block}.downsample"
                yield from named(f"{shortcut}.0", f"{shortcut}.1", out, seen, 1)
            seen = out
    yield "fc.weight", (1000, seen)
    yield "fc.bias", (1000,)


@each_published
def test_the_state_dict_has_torchvisions_names_in_their_order_and_its_shapes(make):
    with torch.device("meta"):
        state = make().state_dict()
    found = [(name, tuple(tensor.shape)) for name, tensor in state.items()]
    assert found == list(torchvision_entries(*PUBLISHED[make][:2]))


@each_published
def test_the_number_of_parameters_is_the_published_one(make):
    with torch.device("meta"):
        assert count(make()) == PUBLISHED[make][2]


def test_the_feature_maps_of_a_photograph_have_the_papers_sizes():
    with torch.device("meta"):
        model, image = resnet18(), torch.zeros(2, 3, 224, 224)
    shapes = []
    for name in ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4"):
        image = model.get_submodule(name)(image)
        shapes.append(tuple(image.shape[1:]))
    assert shapes[:3] == [(64, 112, 112), (64, 56, 56), (64, 56, 56)]
    assert shapes[3:] == [(128, 28, 28), (256, 14, 14), (512, 7, 7)]


def test_classes_and_channels_of_the_image_are_chosen():
    with torch.device("meta"):
        image = torch.zeros(3, 2, 32, 32)
        for make in (*PUBLISHED, small_resnet):
            assert make(num_classes=7, in_channels=2)(image).shape == (3, 7)


def disturb(model):
    """Give normalization layers values that a test can see."""
    source = generator(3)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean):
                tensor.data = torch.randn(tensor.shape, generator=source).double() / 2
            scale = torch.rand(layer.num_features, generator=source).double()
            layer.running_var = scale + 0.5
    return model.double().eval()


def by_hand(state, image, large):
    """Compute a ResNet in evaluation mode from torch's functions and a state dict."""

    def normalized(conv, norm, x, stride):
        weight = state[f"{conv}.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        names = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(state[f"{norm}.{name}"] for name in names))

    x = F.relu(normalized("conv1", "bn1", image, 2 if large else 1))
    x = F.max_pool2d(x, 3, 2, 1) if large else x
    blocks = dict.fromkeys(n.rsplit(".", 2)[0] for n in state if ".conv" in n)
    for block in blocks:
        stride = 2 if block.endswith(".0") and block != "layer1.0" else 1
        last = 3 if f"{block}.conv3.weight" in state else 2
        y = x
        for i in range(1, last + 1):
            y = y if i == 1 else F.relu(y)
            step = stride if i == last - 1 else 1  # both kinds: the last but one
            y = normalized(f"{block}.conv{i}", f"{block}.bn{i}", y, step)
        if f"{block}.downsample.0.weight" in state:
            x = normalized(f"{block}.downsample.0", f"{block}.downsample.1", x, stride)
        x = F.relu(y + x)
    return F.linear(x.mean(dim=(2, 3)), state["fc.weight"], state["fc.bias"])


@pytest.mark.parametrize(
    ("block", "stem"), [(BasicBlock, "large"), (Bottleneck, "small")]
)
def test_the_scores_are_those_of_the_papers_equations_in_torchs_functions(block, stem):
    make = ResNet(block, (2, 1, 3), 5, 2, (4, 6, 10), stem)
    model = disturb(make)
    image = torch.randn(3, 2, 21, 26, generator=generator(1)).double()
    expected = by_hand(model.state_dict(), image, large=stem == "large")
    torch.testing.assert_close(model(image), expected, rtol=1e-10, atol=1e-12)


def test_first_values_keep_the_size_of_gradients():
    model = seeded(resnet18)
    for name, fan_out in (("layer3.0.conv2", 9 * 256), ("layer4.0.downsample.0", 512)):
        weight = model.get_submodule(name).weight
        assert weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.01)
    assert model.fc.weight.abs().max().item() == pytest.approx(512**-0.5, rel=0.001)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()
            assert (layer.bias == 0).all()


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_small_nets_have_the_papers_depths_and_sizes_and_projections_besides(
    depth, millions
):
    """Table 6 of the paper counts option A, whose shortcuts have no parameters."""
    with torch.device("meta"):
        plain = small_resnet(depth, in_channels=3, residual=False)
        residual = small_resnet(depth, in_channels=3)
    assert float(f"{count(plain) / 1e6:.2g}") == millions
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert count(residual) == count(plain) + projections
    weighted = [n for n in plain.state_dict() if "conv" in n or n == "fc.weight"]
    assert len(weighted) == depth


def test_small_nets_see_small_images_at_three_sizes_without_pooling():
    with torch.device("meta"):
        model, image = small_resnet(14, channels=(5, 6, 7)), torch.zeros(2, 1, 32, 32)
        assert isinstance(model.maxpool, nn.Identity)
        assert model.features(image).shape == (2, 7, 8, 8)
        image = model.conv1(image)
        assert image.shape == (2, 5, 32, 32)
        image = model.layer1(image)
        assert image.shape == (2, 5, 32, 32)
        assert model.layer2(image).shape == (2, 6, 16, 16)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_that_adds_nothing_passes_its_input_on_and_a_plain_one_passes_nothing(
    block, stride
):
    channels = 3 * block.expansion
    image = torch.randn(2, channels, 5, 7, generator=generator(1))
    for residual in (True, False):
        layer = block(channels, 3, stride, residual)
        last = layer.bn2 if block is BasicBlock else layer.bn3
        nn.init.zeros_(last.weight)
        output = layer(image)
        if not residual:
            assert (output == 0).all()
        elif stride == 1:
            assert torch.equal(output, image.clamp(min=0))
        else:
            assert torch.equal(output, layer.downsample(image).clamp(min=0))
            assert (output > 0).any()


def test_a_plain_net_has_the_same_convolutions_and_no_shortcut_of_either_kind():
    with torch.device("meta"):
        plain, residual = (
            set(small_resnet(20, residual=r).state_dict()) for r in (0, 1)
        )
    assert plain == {name for name in residual if "downsample" not in name}
    assert plain < residual
    model = seeded(lambda: small_resnet(8, residual=False))
    for name in ("layer1.0", "layer2.0", "layer3.0"):
        nn.init.zeros_(model.get_submodule(name).bn2.weight)
    image = torch.randn(2, 1, 8, 8, generator=generator(1))
    assert torch.equal(model(image), model.fc.bias.expand(2, 10))


def test_identity_shortcuts_stand_where_the_shape_stays():
    for block in (BasicBlock, Bottleneck):
        out = 3 * block.expansion
        assert block(out, 3).downsample is None
        assert block(out + 1, 3).downsample is not None
        assert block(out, 3, stride=2).downsample is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ResNet(BasicBlock, (1,), channels=(4,), stem="tiny"),
            "stem must be one of large, small; got 'tiny'",
        ),
        (
            lambda: ResNet(BasicBlock, (1, 2), channels=(4, 5, 6)),
            r"as many layers as channels.* got \(1, 2\) and \(4, 5, 6\)",
        ),
        (lambda: ResNet(BasicBlock, (), channels=()), r"got \(\) and \(\)"),
        (
            lambda: ResNet(BasicBlock, (1, 0), channels=(4, 5)),
            "number of blocks in layer2 must be at least 1, got 0",
        ),
        (lambda: small_resnet(21), "depth must be 6n \\+ 2.*got 21"),
        (lambda: small_resnet(2), "depth must be 6n \\+ 2.*got 2"),
        (lambda: small_resnet(8, channels=(4, 5)), r"three stages.*\(4, 5\)"),
        (lambda: small_resnet(8, in_channels=0), "in_channels must be at least 1"),
        (
            lambda: small_resnet(8)(torch.zeros(2, 3, 8, 8)),
            r"Conv2d expects input of shape \(batch, 1,.*got \(2, 3, 8, 8\)",
        ),
    ],
)
def test_what_cannot_be_built_or_seen_is_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_depth_that_is_no_integer_is_refused():
    with pytest.raises(TypeError, match=r"depth must be an integer, got 20\.0"):
        small_resnet(20.0)
