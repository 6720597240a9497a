"""Convolutional autoencoders: sizes, codes, learning."""

import copy

import pytest
import torch
from torch.testing import assert_close

from dlbook import models, nn, optim
from dlbook.models import ConvAutoencoder
from dlbook.runtime import generator
from tests.cases import numbers


def make(*arguments, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ConvAutoencoder(*arguments, **options)


@pytest.mark.parametrize("size", [4, 7, 8, 9, 10, 11, 13, 28, 64])
def test_the_drawing_is_as_large_as_the_image(size):
    model = make(2, size, (3, 5), 7)
    images = torch.rand(4, 2, size, size, generator=generator(0))
    codes = model.encode(images)
    assert codes.shape == (4, 7)
    assert model.decode(codes).shape == images.shape
    assert torch.equal(model(images), model.decode(codes))
    assert model(images[:0]).shape == (0, 2, size, size)


def test_the_defaults_fit_mnist():
    model = make()
    assert model.smallest == (32, 7, 7)
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 1, 28, 28)
    assert model.code_features == 32


def test_it_overfits_one_batch_and_every_parameter_gets_a_gradient():
    model = make(2, 8, (8, 12), 16)
    images = torch.rand(3, 2, 8, 8, generator=generator(1))
    loss, adam = nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for step in range(100):
        adam.zero_grad()
        losses.append(loss(model(images), images))
        losses[-1].backward()
        if step == 0:
            assert all(p.grad.abs().sum() > 1e-7 for p in model.parameters())
        adam.step()
    assert losses[-1] < 0.1 * losses[0]


def test_the_image_passes_through_the_code_alone():
    model = make(1, 8, (3, 5), 7)
    model.encoder[-1].register_forward_hook(lambda layer, inputs, output: 0 * output)
    first, second = torch.rand(2, 1, 1, 8, 8, generator=generator(2))
    assert torch.equal(model(first), model(second))


def test_pixels_lie_between_0_and_1_unless_another_output_is_wanted():
    codes = 100 * torch.randn(5, 7, generator=generator(3))
    drawn = make(1, 8, (3, 5), 7).decode(codes)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    plain = make(1, 8, (3, 5), 7, output=nn.Identity).decode(codes)
    assert plain.min() < 0
    assert_close(plain.sigmoid(), drawn)


def test_layers_alternate_with_relu_and_mirror_each_other():
    model = make(1, 9, (3, 5), 7)
    down, up = [nn.Conv2d, nn.ReLU], [nn.ReLU, nn.ConvTranspose2d]
    assert [type(layer) for layer in model.encoder] == [
        *down * 2,
        nn.Flatten,
        nn.Linear,
    ]
    assert [type(layer) for layer in model.decoder] == [*up * 2, nn.Sigmoid]
    assert [model.decoder[i].out_channels for i in (1, 3)] == [3, 1]
    for layer in (model.encoder[0], model.encoder[2], *model.decoder[1:4:2]):
        assert layer.kernel_size == (4, 4)
    assert [model.decoder[i].output_padding for i in (1, 3)] == [(0, 0), (1, 1)]


def test_torchs_layers_give_the_same():
    ours = make(2, 11, (3, 5), 7).double()
    theirs = nn.to_torch(copy.deepcopy(ours))
    assert type(theirs.decoder[1]) is torch.nn.ConvTranspose2d
    images = numbers(3, 2, 11, 11)
    assert_close(ours(images), theirs(images), rtol=1e-10, atol=1e-12)


def test_other_shapes_are_refused_with_both_shapes():
    model = make(1, 8, (3, 5), 7)
    for shape in [(2, 1, 8, 9), (2, 3, 8, 8), (1, 8, 8)]:
        with pytest.raises(ValueError, match=r"shape \(batch, 1, 8, 8\), got \("):
            model(torch.zeros(shape))
    for shape in [(7,), (2, 8)]:
        with pytest.raises(ValueError, match=r"codes of shape \(batch, 7\), got \("):
            model.decode(torch.zeros(shape))
    with pytest.raises(ValueError, match="does not fit into 1 elements"):
        make(1, 3, (3, 5), 7)
    with pytest.raises(ValueError, match="at least 1 levels"):
        make(1, 8, (), 7)
    with pytest.raises(ValueError, match="code_features must be at least 1, got 0"):
        make(1, 8, (3,), 0)


def dense(**options):
    torch.manual_seed(0)
    return models.Autoencoder(**options).double()


def test_a_dense_autoencoder_mirrors_its_sizes():
    model = dense(image_shape=(2, 3, 4), hidden_features=(10, 6), code_features=3)
    images = torch.rand(5, 2, 3, 4, dtype=torch.float64, generator=generator(1))
    codes = model.encode(images)
    assert codes.shape == (5, 3)
    assert_close(model(images), model.decode(codes))
    assert model(images).shape == images.shape
    shapes = [tuple(p.shape) for p in model.parameters() if p.ndim == 2]
    assert shapes == [(10, 24), (6, 10), (3, 6), (6, 3), (10, 6), (24, 10)]


def test_a_linear_autoencoder_is_two_affine_maps():
    model = dense(hidden_features=(), output=nn.Identity)
    images = torch.rand(5, 1, 8, 8, dtype=torch.float64, generator=generator(1))
    encode, decode = model.encoder[1], model.decoder[0]
    hidden = images.flatten(1) @ encode.weight.T + encode.bias
    assert_close(model(images).flatten(1), hidden @ decode.weight.T + decode.bias)


@pytest.mark.parametrize("shape", [(1, 8, 7), (8, 8), (2, 8, 8)])
def test_a_dense_autoencoder_refuses_other_images(shape):
    with pytest.raises(ValueError, match=r"expects input of shape \(batch, 1, 8, 8\)"):
        models.Autoencoder()(torch.zeros(3, *shape))
    with pytest.raises(ValueError, match=r"expects codes of shape \(batch, 8\)"):
        models.Autoencoder().decode(torch.zeros(3, 7))


def test_sparsity_is_the_divergence_of_coins():
    codes = torch.rand(6, 4, dtype=torch.float64, generator=generator(2))
    expected = 0.0
    for mean in codes.mean(0).tolist():
        wanted = torch.distributions.Bernoulli(torch.tensor(0.1).double())
        found = torch.distributions.Bernoulli(torch.tensor(mean).double())
        expected += torch.distributions.kl_divergence(wanted, found).item()
    assert models.sparsity_penalty(codes, 0.1).item() == pytest.approx(expected)
    assert models.sparsity_penalty(torch.full((3, 2), 0.3), 0.3).item() < 1e-6


@pytest.mark.parametrize(
    ("codes", "target", "message"),
    [
        (torch.rand(3), 0.1, "codes"),
        (torch.rand(3, 2), 1.0, "target"),
        (torch.zeros(3, 2), 0.1, "strictly between 0 and 1, got 0 to 0"),
    ],
)
def test_sparsity_refuses_what_is_no_share(codes, target, message):
    with pytest.raises(ValueError, match=message):
        models.sparsity_penalty(codes, target)


def test_contraction_is_the_squared_norm_of_the_jacobian():
    model = dense(activation=nn.Tanh, code_features=3)
    images = torch.rand(4, 1, 8, 8, dtype=torch.float64, generator=generator(1))
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: model.encode(x[None])[0]))
    expected = jacobian(images).square().sum() / 4
    penalty = models.contractive_penalty(model.encode, images)
    assert_close(penalty, expected)
    weight = model.encoder[1].weight
    [slope] = torch.autograd.grad(penalty, weight)
    [wanted] = torch.autograd.grad(expected, weight)
    assert_close(slope, wanted)
