"""U-Net and fully convolutional networks score every pixel."""

import copy

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn, optim
from dlbook.models import FCN, UNet, bilinear_upsampling
from dlbook.models.parts import check_levels, double_convolution
from dlbook.runtime import generator
from tests.cases import numbers

MODELS = {
    "UNet": lambda: UNet(2, 3, (6, 8, 10)),
    "UNet without skips": lambda: UNet(2, 3, (6, 8, 10), skips=False),
    "FCN": lambda: FCN(2, 3, (6, 8, 10)),
    "FCN without fusion": lambda: FCN(2, 3, (6, 8, 10), fuse=False),
}
models = pytest.mark.parametrize("name", MODELS)


def make(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MODELS[name]()


def batch():
    """Draw four images, and classes in squares of 8 × 8 pixels."""
    images = torch.randn(4, 2, 16, 24, generator=generator(1))
    squares = torch.randint(3, (4, 2, 3), generator=generator(2))
    return images, squares.repeat_interleave(8, 1).repeat_interleave(8, 2)


@models
def test_it_overfits_one_batch_and_every_parameter_gets_a_gradient(name):
    model = make(name)
    images, classes = batch()
    loss, adam = nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01)
    for step in range(50):
        adam.zero_grad()
        loss(model(images), classes).backward()
        if step == 0:
            assert all(p.grad.abs().sum() > 1e-5 for p in model.parameters())
        adam.step()
    right = (model(images).argmax(1) == classes).double().mean()
    assert right > 0.97


@models
def test_torchs_layers_give_the_same_scores_and_gradients(name):
    ours = make(name).double()
    theirs = nn.to_torch(copy.deepcopy(ours))
    layers = (layer for layer in theirs.modules() if not list(layer.children()))
    assert all(type(layer).__module__.startswith("torch.nn") for layer in layers)
    images = numbers(2, 2, 16, 24)
    scores = [model(images) for model in (ours, theirs)]
    assert scores[0].shape == (2, 3, 16, 24)
    assert_close(scores[0], scores[1], rtol=1e-9, atol=1e-10)
    for output in scores:
        output.backward(numbers(*output.shape, seed=1))
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    for mine, other in pairs:
        assert_close(mine.grad, other.grad, rtol=1e-7, atol=1e-8)


@models
def test_an_image_of_another_size_or_shape_is_refused(name):
    model = make(name)
    factor = 8 if "FCN" in name else 4
    assert model(torch.zeros(2, 2, factor, 3 * factor)).shape[2:] == (
        factor,
        3 * factor,
    )
    words = (
        rf"{type(model).__name__} expects input of shape \(batch, 2, height, width\)"
    )
    for shape in [(1, 3, 16, 16), (2, 16, 16), (1, 2, 16), (1, 2, 0, 16)]:
        with pytest.raises(ValueError, match=words):
            model(torch.zeros(shape))
    for shape in [(1, 2, 16, factor // 2), (1, 2, factor + 1, 16)]:
        with pytest.raises(ValueError, match=rf"divisible by {factor}, got \(1, 2, "):
            model(torch.zeros(shape))


@models
def test_an_empty_batch_gives_an_empty_output(name):
    model = make(name)
    assert model(torch.zeros(0, 2, 16, 24)).shape == (0, 3, 16, 24)


def blinded(model):
    """Make the lowest level answer zeros, whatever it sees."""
    model.down[-1].register_forward_hook(lambda layer, inputs, output: 0 * output)
    return model.eval()


def test_without_skips_all_that_is_known_comes_through_the_lowest_level():
    first, second = numbers(2, 1, 2, 16, 24).float()
    closed = blinded(make("UNet without skips"))
    assert torch.equal(closed(first), closed(second))
    bridged = blinded(make("UNet"))
    assert (bridged(first) - bridged(second)).abs().max() > 0.01


@pytest.mark.parametrize(("cut", "seen"), [([0], True), ([1], True), ([0, 1], False)])
def test_each_level_has_a_bridge_of_its_own(cut, seen):
    model = blinded(make("UNet")).train()
    for level in cut:
        model.merge[1 - level][0].weight.data[:, : (6, 8)[level]] = 0
    first, second = numbers(2, 1, 2, 16, 24).float()
    assert ((model(first) - model(second)).abs().max() > 0.1) == seen


def test_a_unet_is_built_as_the_paper_draws_it():
    model = UNet(1, 2)
    wide = [(level[0].in_channels, level[3].out_channels) for level in model.down]
    assert wide == [(1, 16), (16, 32), (32, 64)]
    assert [(up.in_channels, up.out_channels) for up in model.up] == [
        (64, 32),
        (32, 16),
    ]
    assert [level[0].in_channels for level in model.merge] == [64, 32]
    assert [level[0].in_channels for level in UNet(1, 2, skips=False).merge] == [32, 16]
    assert [up.kernel_size + up.stride for up in model.up] == [(2, 2, 2, 2)] * 2
    kinds = [type(layer) for layer in model.down[0]]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 2


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_enlarging_starts_as_bilinear_interpolation(factor):
    layer = bilinear_upsampling(3, factor).double()
    image = numbers(2, 3, 5, 6)
    output = layer(image)
    expected = nn.Upsample(scale_factor=factor, mode="bilinear")(image)
    assert output.shape == expected.shape
    inner = (..., slice(factor, -factor), slice(factor, -factor))
    assert_close(output[inner], expected[inner], rtol=1e-6, atol=1e-6)


def test_the_enlarging_layers_of_an_fcn_start_so_and_can_learn():
    for fuse, factor, number in ((True, 2, 3), (False, 8, 1)):
        model = FCN(2, 4, (6, 8, 10), fuse=fuse)
        assert len(model.enlarge) == len(model.scores) == number
        for layer in model.enlarge:
            assert_close(layer.weight, bilinear_upsampling(4, factor).weight)
            assert layer.weight.requires_grad


def test_fusion_adds_the_scores_of_each_earlier_stage():
    images = numbers(1, 2, 16, 24).float()
    model = make("FCN").eval()
    with torch.no_grad():
        before = model(images)
        features = [model.stages[:n] for n in (1, 2, 3)]
        scores = []
        for stages, score in zip(features, reversed(model.scores), strict=True):
            output = images
            for stage in stages:
                output = stage(output)
            scores.append(score(output))
        fine, middle, coarse = scores
        double = model.enlarge
        by_hand = double[2](double[1](double[0](coarse) + middle) + fine)
    assert_close(before, by_hand)


def test_too_few_levels_and_odd_factors_are_refused():
    with pytest.raises(ValueError, match=r"UNet needs channels for at least 2.*\(8,\)"):
        UNet(1, 2, (8,))
    with pytest.raises(ValueError, match="FCN needs channels for at least 1 levels"):
        FCN(1, 2, ())
    with pytest.raises(ValueError, match="channels must be at least 1, got 0"):
        check_levels((8, 0), 2, "a model")
    with pytest.raises(ValueError, match="factor must be even, got 3"):
        bilinear_upsampling(2, 3)
    with pytest.raises(ValueError, match="factor must be at least 1, got 0"):
        bilinear_upsampling(2, 0)


def test_double_convolutions_keep_the_size_and_have_no_bias():
    layers = double_convolution(2, 5)
    assert layers(torch.zeros(3, 2, 4, 7)).shape == (3, 5, 4, 7)
    assert layers[0].bias is layers[3].bias is None


def test_a_unet_halves_by_max_pooling_once_for_each_level_below_the_first():
    model, pooled = make("UNet"), []
    assert isinstance(model.pool, nn.MaxPool2d)
    model.pool.register_forward_hook(
        lambda layer, inputs, out: pooled.append(out.shape)
    )
    model(torch.zeros(2, 2, 16, 24))
    assert pooled == [(2, 6, 8, 12), (2, 8, 4, 6)]
