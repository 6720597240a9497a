"""Translators and their game: every term of the loss by hand."""

import pytest
import torch
from torch.testing import assert_close

from dlbook import models
from dlbook.runtime import generator


def make(**options):
    torch.manual_seed(0)
    return models.CycleGAN(hidden_channels=4, num_blocks=1, **options).double()


def domains():
    return torch.rand(2, 3, 1, 8, 8, generator=generator(1), dtype=torch.float64)


def test_a_translation_is_an_image():
    a, _ = domains()
    translated = make().to_b(a)
    assert translated.shape == a.shape
    assert translated.min() > 0
    assert translated.max() < 1
    assert make().judge_a(a).shape == (3, 1, 4, 4)


def test_an_untrained_translator_without_last_layer_copies():
    a, _ = domains()
    model = make()
    torch.nn.init.zeros_(model.to_b.last.weight)
    torch.nn.init.zeros_(model.to_b.last.bias)
    assert_close(model.to_b(a), a.clamp(0.02, 0.98))


def test_a_patch_score_sees_ten_by_ten_pixels():
    image = torch.rand(1, 1, 32, 32, generator=generator(1), dtype=torch.float64)
    image.requires_grad_()
    models.PatchDiscriminator().double()(image)[0, 0, 8, 8].backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert rows[-1] - rows[0] + 1 == 10


def test_translators_want_to_fool_to_return_and_to_leave_alone():
    model, (a, b) = make(), domains()
    fake_b, fake_a = model.to_b(a), model.to_a(b)
    fooled = ((model.judge_b(fake_b) - 1) ** 2).mean()
    fooled = fooled + ((model.judge_a(fake_a) - 1) ** 2).mean()
    cycle = (model.to_a(fake_b) - a).abs().mean() + (
        model.to_b(fake_a) - b
    ).abs().mean()
    same = (model.to_b(b) - b).abs().mean() + (model.to_a(a) - a).abs().mean()
    assert_close(model.translation_loss(a, b, 0.0), fooled)
    assert_close(model.translation_loss(a, b, 3.0), fooled + 3 * cycle)
    assert_close(model.translation_loss(a, b, 3.0, 2.0), fooled + 3 * cycle + 2 * same)


def test_judges_want_to_tell_apart_and_translators_learn_nothing_from_it():
    model, (a, b) = make(), domains()
    loss = model.discrimination_loss(a, b)
    total = ((model.judge_a(a) - 1) ** 2).mean() + ((model.judge_b(b) - 1) ** 2).mean()
    total = total + (model.judge_a(model.to_a(b)) ** 2).mean()
    total = total + (model.judge_b(model.to_b(a)) ** 2).mean()
    assert_close(loss, total / 2)
    loss.backward()
    assert all(p.grad is None for p in model.to_a.parameters())
    assert all(p.grad is not None for p in model.judge_a.parameters())


@pytest.mark.parametrize("option", ["cycle", "identity"])
def test_negative_weights_are_refused(option):
    a, b = domains()
    with pytest.raises(ValueError, match=option):
        make().translation_loss(a, b, **{option: -1.0})
