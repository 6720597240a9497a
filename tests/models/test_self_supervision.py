"""Contrastive and masked learning: losses by loops, and what may be seen."""

import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import data, models, nn
from dlbook.runtime import generator


def naive_nt_xent(first, second, temperature):
    views = [*first, *second]
    n = len(first)
    total = 0.0
    for i, view in enumerate(views):
        similar = [
            torch.cosine_similarity(view, other, dim=0).item() / temperature
            for other in views
        ]
        partner = (i + n) % (2 * n)
        others = sum(math.exp(s) for k, s in enumerate(similar) if k != i)
        total -= math.log(math.exp(similar[partner]) / others)
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_the_loss_is_chens(temperature):
    first, second = torch.randn(2, 5, 3, generator=generator(0)).double()
    loss = models.nt_xent_loss(first, second, temperature)
    assert loss.item() == pytest.approx(naive_nt_xent(first, second, temperature))
    assert_close(loss, models.nt_xent_loss(5 * first, 0.1 * second, temperature))


def test_equal_views_leave_a_blind_choice():
    equal = torch.ones(6, 4)
    assert models.nt_xent_loss(equal, equal).item() == pytest.approx(math.log(11))


@pytest.mark.parametrize(
    ("first", "second", "temperature", "message"),
    [
        (torch.ones(1, 3), torch.ones(1, 3), 0.5, "at least 2 images"),
        (torch.ones(4, 3), torch.ones(4, 3), 0.0, "temperature"),
        (torch.ones(4, 3), torch.ones(4, 2), 0.5, "nt_xent_loss"),
    ],
)
def test_views_that_do_not_fit_are_refused(first, second, temperature, message):
    with pytest.raises(ValueError, match=message):
        models.nt_xent_loss(first, second, temperature)


def test_a_projection_follows_the_encoder():
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    model = models.SimCLR(encoder, 10, 6)
    images = torch.rand(3, 1, 8, 8)
    assert_close(model(images), model.projection(encoder(images)))
    assert model(images).shape == (3, 6)


def masked(**options):
    torch.manual_seed(0)
    return models.MaskedAutoencoder(d_model=16, num_layers=1, **options).double()


def digits(count=4):
    return data.digits().train[0][:count].double()


def test_patches_are_cut_row_by_row():
    patches = masked().patches(digits(1))[0]
    image = digits(1)[0, 0]
    for number in range(16):
        row, column = 2 * (number // 4), 2 * (number % 4)
        block = image[row : row + 2, column : column + 2]
        assert_close(patches[number], block.flatten())


def test_hidden_pixels_cannot_be_seen():
    model, images = masked(), digits()
    guessed, hidden = model(images, generator(3))
    assert hidden.sum(1).tolist() == [10] * 4
    changed = images.clone()
    mark = hidden.reshape(4, 4, 4).repeat_interleave(2, 1).repeat_interleave(2, 2)
    changed[:, 0][mark] = 1 - changed[:, 0][mark]
    again, same = model(changed, generator(3))
    assert torch.equal(hidden, same)
    assert_close(again, guessed)
    changed[:, 0][~mark] = 1 - changed[:, 0][~mark]
    assert (model(changed, generator(3))[0] - guessed).abs().max() > 1e-3


def test_only_hidden_patches_count():
    model, images = masked(), digits()
    guessed, hidden = model(images, generator(3))
    error = (guessed - model.patches(images)).square()
    expected = error[hidden.unsqueeze(2).expand_as(error)].mean()
    assert_close(model.loss(images, generator(3)), expected)


def test_every_image_hides_patches_of_its_own_and_every_place_can_be_hidden():
    _, hidden = masked()(digits(200), generator(0))
    share = hidden.double().mean(0)
    assert (share - 10 / 16).abs().max() < 0.15
    assert len({tuple(row) for row in hidden.tolist()}) > 150


def test_codes_describe_whole_images():
    model = masked()
    codes = model.encode(digits())
    assert codes.shape == (4, 16)
    expected = model.encoder(model.position(model.embedding(model.patches(digits()))))
    assert_close(codes, expected.mean(1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 3}, "must divide 8 and 8, got 3"),
        ({"masked": 0.0}, "hides 0 of 16"),
        ({"masked": 1.0}, "hides 16 of 16"),
    ],
)
def test_masks_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        masked(**options)
