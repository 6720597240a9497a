"""Changing inputs and targets of a training batch together."""

import functools

import pytest
import torch

from dlbook import data, nn, optim
from dlbook.training import Checkpoint, CheckpointError, fit


@pytest.fixture(autouse=True)
def on_the_cpu_and_quiet(monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "cpu")
    monkeypatch.setenv("TQDM_DISABLE", "1")


def linear(in_features=1, out_features=1):
    torch.manual_seed(0)
    return nn.Linear(in_features, out_features)


def fit_line(model, epochs=2, lr=0.0, **arguments):
    samples = data.regression(10, noise=0.1)
    options = {
        "optimizer": optim.SGD(model.parameters(), lr=lr),
        "loss": nn.MSELoss(),
        "metric": None,
        "batch_size": 4,
    }
    return fit(model, samples, epochs=epochs, **(options | arguments))


def doubled(inputs, targets, generator):
    return 2 * inputs, 2 * targets


def test_loss_and_metric_see_the_changed_inputs_and_targets_in_training_only():
    model, samples = linear(), data.regression(10, noise=0.1)
    distance = lambda outputs, targets: (outputs - targets).abs().mean()  # noqa: E731
    history = fit_line(
        model, validation=samples, metric=distance, augment_pair=doubled, epochs=1
    )
    with torch.no_grad():
        plain, twice = (model(k * samples[0]) - k * samples[1] for k in (1, 2))
    assert history.train_loss == [pytest.approx(twice.square().mean().item())]
    assert history.train_metric == [pytest.approx(twice.abs().mean().item())]
    assert history.validation_loss == [pytest.approx(plain.square().mean().item())]
    assert history.validation_metric == [pytest.approx(plain.abs().mean().item())]


def test_each_batch_keeps_inputs_and_targets_of_a_sample_together():
    seen = []

    def note(inputs, targets, generator):
        seen.append((len(inputs), targets.shape))
        assert torch.equal(targets, 3 * inputs + 1)
        return inputs, targets

    inputs = torch.arange(7.0).reshape(-1, 1)
    model = linear()
    fit(
        model, (inputs, 3 * inputs + 1), epochs=2, batch_size=3, augment_pair=note,
        optimizer=optim.SGD(model.parameters(), lr=0.0), loss=nn.MSELoss(), metric=None,
    )  # fmt: skip
    assert seen == [(3, (3, 1)), (3, (3, 1)), (1, (1, 1))] * 2


def noisy(inputs, targets, generator):
    return inputs, targets + torch.randn(targets.shape, generator=generator)


def test_the_seed_of_the_run_decides_what_the_generator_draws():
    losses = [
        fit_line(linear(), augment_pair=noisy, seed=seed).train_loss
        for seed in (0, 0, 1)
    ]
    assert losses[0] == losses[1] != losses[2]
    assert losses[0][0] != losses[0][1]  # each epoch draws anew


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(tmp_path):
    options = {"augment_pair": noisy, "lr": 0.1}
    whole, parts = linear(), linear()
    history = fit_line(whole, epochs=3, **options)
    checkpoint = Checkpoint(tmp_path / "run", resume=True)
    fit_line(parts, epochs=1, checkpoint=checkpoint, **options)
    parts = linear()
    resumed = fit_line(parts, epochs=3, checkpoint=checkpoint, **options)
    assert resumed.train_loss == history.train_loss
    assert torch.equal(parts.weight, whole.weight)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({"augment_pair": noisy}, {}, "augment was 'pair', is now False"),
        ({}, {"augment_pair": noisy}, "augment was False, is now 'pair'"),
    ],
)
def test_a_run_is_not_resumed_with_or_without_such_a_change_alone(
    tmp_path, before, after, message
):
    checkpoint = Checkpoint(tmp_path / "run", resume=True)
    fit_line(linear(), epochs=1, checkpoint=checkpoint, **before)
    with pytest.raises(CheckpointError, match=message):
        fit_line(linear(), checkpoint=checkpoint, **after)


def test_both_kinds_of_change_at_once_are_refused():
    with pytest.raises(ValueError, match="augment and augment_pair were both given"):
        fit_line(linear(), augment=lambda x, g: x, augment_pair=noisy)


def test_a_model_learns_from_blended_images():
    digits = data.digits()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    history = fit(
        model,
        digits.train,
        optimizer=optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        epochs=3,
        metric=None,
        augment_pair=functools.partial(data.mixup, num_classes=10),
    )
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]
    with torch.no_grad():
        right = model(digits.test[0]).argmax(dim=1) == digits.test[1]
    assert right.float().mean() > 0.9
