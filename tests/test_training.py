"""The training loop, evaluation, early stopping and accuracy."""

import dataclasses
import json
import math
import time
from itertools import chain

import pytest
import torch

from dlbook import data, models, nn, optim, runtime, training
from dlbook.training import (
    Checkpoint,
    EarlyStopping,
    History,
    accuracy,
    evaluate,
    fit,
    run,
)

EMPTY = (torch.zeros(0, 1), torch.zeros(0, 1))


@pytest.fixture(autouse=True)
def on_the_cpu_and_quiet(monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "cpu")
    monkeypatch.setenv("TQDM_DISABLE", "1")


def linear(seed=0, in_features=1, out_features=1):
    torch.manual_seed(seed)
    return nn.Linear(in_features, out_features)


def sgd(model, lr=0.1, **options):
    return optim.SGD(model.parameters(), lr=lr, **options)


def line(num_samples=10):
    """Points on a line, to be fitted by a linear layer."""
    return data.regression(num_samples, noise=0.1)


def fit_line(model, samples=None, epochs=2, lr=0.1, **arguments):
    options = {"optimizer": sgd(model, lr), "loss": nn.MSELoss(), "metric": None}
    return fit(model, samples or line(), epochs=epochs, **(options | arguments))


def test_fit_takes_the_steps_that_a_loop_by_hand_takes():
    inputs, targets = line(10)
    model, by_hand = linear(), linear()
    fit_line(model, (inputs, targets), epochs=3, batch_size=4, seed=5)

    shuffle, optimizer = (
        runtime.generator(5),
        torch.optim.SGD(by_hand.parameters(), 0.1),
    )
    for _ in range(3):
        order = torch.randperm(10, generator=shuffle)
        for batch in (order[:4], order[4:8], order[8:]):
            optimizer.zero_grad()
            ((by_hand(inputs[batch]) - targets[batch]) ** 2).mean().backward()
            optimizer.step()
    torch.testing.assert_close(model.weight, by_hand.weight)
    torch.testing.assert_close(model.bias, by_hand.bias)


def test_a_model_learns_to_read_digits():
    digits = data.digits()
    torch.manual_seed(0)
    model = models.MLP(64, [64], 10)
    history = fit(
        model,
        digits.train,
        digits.test,
        optimizer=sgd(model, momentum=0.9),
        epochs=10,
    )
    assert history.validation_metric[-1] > 0.95
    assert evaluate(model, digits.test).metric == history.validation_metric[-1]


def test_every_sample_is_used_once_an_epoch_in_an_order_that_the_seed_decides():
    def batches(seed):
        seen = []

        def note(inputs, generator):
            seen.append(inputs.flatten().tolist())
            return inputs

        fit_line(linear(), (samples, samples), batch_size=3, augment=note, seed=seed)
        return seen

    samples = torch.arange(7.0).reshape(-1, 1) / 10
    seen = batches(0)
    assert [len(batch) for batch in seen] == [3, 3, 1] * 2
    epochs = [list(chain(*seen[:3])), list(chain(*seen[3:]))]
    for epoch in epochs:
        assert sorted(epoch) == samples.flatten().tolist()
    assert epochs[0] != epochs[1]
    assert batches(0) == seen != batches(1)


def test_the_history_averages_over_samples_not_batches():
    inputs, targets = torch.zeros(5, 1), torch.tensor([[0.0], [0], [0], [0], [10]])
    model = linear()
    torch.nn.init.zeros_(model.bias)
    history = fit_line(model, (inputs, targets), epochs=1, lr=0.0, batch_size=2)
    assert history.train_loss == [pytest.approx(20)]  # 100 / 5
    assert evaluate(
        model, (inputs, targets), loss=nn.MSELoss(), metric=None, batch_size=2
    ).loss == pytest.approx(20)


def test_the_history_has_one_number_an_epoch_and_survives_json():
    inputs, labels = data.moons(40)
    model = linear(0, 2, 2)
    history = fit(
        model, (inputs, labels), (inputs, labels), optimizer=sgd(model), epochs=3
    )
    assert all(len(values) == 3 for values in dataclasses.asdict(history).values())
    assert History(**json.loads(json.dumps(dataclasses.asdict(history)))) == history
    assert all(0 < seconds < 60 for seconds in history.seconds)


def test_without_validation_or_metric_their_lists_stay_empty():
    history = fit_line(linear())
    assert len(history.train_loss) == 2
    assert history.train_metric == history.validation_loss == []
    assert history.validation_metric == []


def test_augment_changes_training_batches_only_and_draws_from_the_seed():
    def shifted(seed):
        model = linear()
        history = fit_line(
            model,
            validation=line(),
            augment=lambda x, g: x + torch.randn(x.shape, generator=g),
            seed=seed,
            lr=0.0,
        )
        return history.train_loss, history.validation_loss

    assert shifted(0) == shifted(0)
    assert shifted(0)[0] != shifted(1)[0]
    untouched = evaluate(linear(), line(), loss=nn.MSELoss(), metric=None).loss
    assert shifted(0)[1] == [untouched] * 2


@pytest.mark.parametrize(
    ("each", "rates"), [("epoch", [1.0, 0.5, 0.25]), ("step", [0.25, 2**-5, 2**-8])]
)
def test_the_schedule_moves_on_each_epoch_or_each_step(each, rates):
    model = linear()
    optimizer = sgd(model, lr=1.0)
    halve = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    history = fit_line(
        model,
        epochs=3,
        batch_size=4,
        optimizer=optimizer,
        scheduler=halve,
        schedule_each=each,
    )
    assert history.learning_rate == rates


@pytest.mark.parametrize("source", [optim.lr_scheduler, torch.optim.lr_scheduler])
@pytest.mark.parametrize(
    ("values", "rates"),
    [
        ([5, 4, 4, 4, 1, 1], [8, 8, 8, 4, 2, 2]),
        ([1, 2, 0, 3, 0, 0], [8, 8, 4, 4, 2, 1]),
    ],
)
def test_a_plateau_of_the_validation_loss_lowers_the_rate(source, values, rates):
    model, left = linear(), iter(values)
    optimizer = sgd(model, lr=0.008)
    plateau = source.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)

    def loss(outputs, targets):
        if model.training:
            return (outputs - targets).square().mean()
        return torch.tensor(float(next(left)))

    history = fit_line(
        model,
        validation=line(),
        optimizer=optimizer,
        loss=loss,
        epochs=len(values),
        scheduler=plateau,
    )
    assert history.learning_rate == [rate / 1000 for rate in rates]


@pytest.mark.parametrize("source", [optim.lr_scheduler, torch.optim.lr_scheduler])
def test_a_plateau_of_the_training_loss_counts_where_nothing_is_validated(source):
    model = linear()
    optimizer = sgd(model, lr=1e-9)
    plateau = source.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    history = fit_line(model, optimizer=optimizer, epochs=4, scheduler=plateau)
    assert plateau.best == history.train_loss[0]  # the others are hardly better
    assert plateau.last_epoch == 4


@pytest.mark.parametrize("source", [optim.lr_scheduler, torch.optim.lr_scheduler])
def test_schedules_that_do_not_fit_the_run_are_refused(source):
    model = linear()
    optimizer = sgd(model)
    plateau = source.ReduceLROnPlateau(optimizer)
    with pytest.raises(ValueError, match="schedule_each must be 'epoch', got 'step'"):
        fit_line(model, optimizer=optimizer, scheduler=plateau, schedule_each="step")
    with pytest.raises(ValueError, match="scheduler belongs to another optimizer"):
        fit_line(model, optimizer=sgd(model), scheduler=plateau)


def test_gradients_are_scaled_down_to_the_largest_norm_allowed():
    model = linear()
    before = torch.nn.utils.parameters_to_vector(model.parameters())
    far = (torch.ones(4, 1), torch.full((4, 1), 1000.0))
    fit_line(model, far, epochs=1, lr=1.0, max_grad_norm=0.5)
    after = torch.nn.utils.parameters_to_vector(model.parameters())
    assert (after - before).norm().item() == pytest.approx(0.5, rel=1e-4)


def test_small_gradients_are_left_alone_by_the_largest_norm():
    clipped, free = linear(), linear()
    fit_line(clipped, max_grad_norm=1e6)
    fit_line(free)
    assert torch.equal(clipped.weight, free.weight)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run_before_it_harms_the_weights(wrong):
    inputs, targets = line(12)
    model = linear()
    calls = []

    def loss(outputs, targets):
        calls.append(model.weight.clone())
        return (outputs - targets).square().mean() * (wrong if len(calls) == 5 else 1)

    with pytest.raises(
        FloatingPointError,
        match=rf"{wrong} in epoch 2, step 2, at learning rate 0\.05;",
    ):
        fit_line(model, (inputs, targets), loss=loss, lr=0.05, batch_size=4)
    assert torch.equal(model.weight, calls[-1])
    assert len(calls) == 5


def test_too_large_a_learning_rate_ends_in_that_error():
    with pytest.raises(FloatingPointError, match="learning rate 100"):
        fit_line(linear(), epochs=100, lr=100.0)


class Scripted(nn.Module):
    """A model whose output is its number of training steps so far, read as a score."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, inputs):
        return self.weight.expand(len(inputs), 1)


def run_scripted(values, patience, monitor="validation_loss", epochs=None):
    """Make the monitored value go through ``values``, one an epoch."""
    model = Scripted()
    minus_one = torch.optim.SGD(model.parameters(), lr=1.0)

    def loss(outputs, targets):  # weight: 0, 1, 2, … after each epoch
        if model.training:
            return -outputs.mean()
        return torch.tensor(float(values[int(outputs[0].item()) - 1]))

    def metric(outputs, targets):
        return float(values[int(outputs[0].item()) - 1])

    pair = (torch.zeros(2, 1), torch.zeros(2, 1))
    history = fit(
        model,
        pair,
        pair,
        optimizer=minus_one,
        epochs=epochs or len(values),
        loss=loss,
        metric=metric,
        early_stopping=EarlyStopping(patience, monitor),
    )
    return len(history.train_loss), int(model.weight.item())


@pytest.mark.parametrize(
    ("values", "patience", "ran", "best"),
    [
        ([5, 4, 3, 2, 1], 1, 5, 5),  # improves to the end
        ([5, 4, 6, 7, 1], 2, 4, 2),  # stops before the improvement
        ([5, 4, 6, 3, 7, 8], 2, 6, 4),  # a new best renews the patience
        ([5, 4, 4, 4, 4], 2, 4, 2),  # an equal value is no improvement
        ([3, 4, 5], 5, 3, 1),  # the best is put back though the run was not stopped
        ([3, math.nan, math.nan, 1], 2, 3, 1),  # NaN is no improvement
        ([math.nan, 3, 4, 5, 1], 2, 4, 2),  # any number is better than NaN
    ],
)
def test_early_stopping_waits_its_patience_and_restores_the_best(
    values, patience, ran, best
):
    assert run_scripted(values, patience) == (ran, best)


def test_early_stopping_takes_a_larger_metric_for_better():
    assert run_scripted([1, 3, 2, 2, 9], 2, "validation_metric") == (4, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs must be positive, got 0"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"schedule_each": "day"}, "'epoch' or 'step', got 'day'"),
        ({"samples": (torch.zeros(3, 1), torch.zeros(4, 1))}, "3 inputs and 4 targets"),
        ({"samples": (torch.zeros(0, 1), torch.zeros(0, 1))}, "train must hold"),
        (
            {"validation": (torch.zeros(0, 1), torch.zeros(0, 1))},
            "validation must hold",
        ),
        ({"early_stopping": EarlyStopping(1)}, "needs a validation set"),
        (
            {
                "early_stopping": EarlyStopping(1, "validation_metric"),
                "validation": (torch.zeros(3, 1), torch.zeros(3, 1)),
            },
            "metric is None",
        ),
        ({"optimizer": sgd(linear())}, "none of the model's parameters"),
        ({"max_grad_norm": 0.0}, r"max_grad_norm must be positive and .*, got 0\.0"),
        ({"max_grad_norm": -1.0}, r"got -1\.0"),
        ({"max_grad_norm": math.inf}, "got inf"),
        ({"max_grad_norm": math.nan}, "got nan"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_line(linear(), **arguments)


def test_an_optimizer_with_parameters_of_another_model_is_refused():
    model = linear()
    both = torch.optim.SGD([*model.parameters(), *linear().parameters()], lr=0.1)
    with pytest.raises(ValueError, match="2 of the optimizer's 4 parameters are not"):
        fit_line(model, optimizer=both)


def test_an_optimizer_may_lack_frozen_parameters_only():
    model = linear()
    weight_only = torch.optim.SGD([model.weight], lr=0.1)
    with pytest.raises(ValueError, match="lacks parameters of the model: bias; hand"):
        fit_line(model, optimizer=weight_only)
    model.bias.requires_grad_(False)
    bias = model.bias.clone()
    assert fit_line(model, optimizer=weight_only).train_loss
    assert fit_line(model, optimizer=sgd(model)).train_loss
    assert torch.equal(model.bias, bias)


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
@pytest.mark.parametrize("wrong", [2.0, True, "3"])
def test_counts_that_are_no_integers_are_refused(name, wrong):
    with pytest.raises(TypeError, match=f"{name} must be an integer, not"):
        fit_line(linear(), **{name: wrong})


@pytest.mark.parametrize("max_grad_norm", [None, 1.0])
def test_a_gradient_that_is_no_number_stops_the_run_before_it_harms_the_weights(
    max_grad_norm, tmp_path
):
    def root(outputs, targets):  # at 0 its value is 0, and its slope infinite
        return (outputs**2).sum().sqrt()

    model = linear()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    checkpoint = Checkpoint(tmp_path / "run")
    with pytest.raises(
        FloatingPointError, match=r"gradient became nan in epoch 1, step 1, at learn"
    ):
        fit_line(model, loss=root, max_grad_norm=max_grad_norm, checkpoint=checkpoint)
    assert model.weight.item() == model.bias.item() == 0
    assert not (tmp_path / "run").exists()


def test_a_finite_gradient_whose_norm_overflows_is_no_error():
    model = linear()
    steep = lambda outputs, targets: outputs.mean() * 1e30  # noqa: E731
    assert fit_line(model, loss=steep, lr=1e-30, epochs=1).train_loss
    assert model.weight.isfinite().all()


def test_early_stopping_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="patience must be positive, got 0"):
        EarlyStopping(0)
    with pytest.raises(ValueError, match="got 'loss'"):
        EarlyStopping(1, "loss")


def test_evaluate_uses_evaluation_mode_and_puts_the_mode_back():
    model = nn.Sequential(nn.Dropout(0.9), nn.Linear(1, 1))
    seen = []
    model.register_forward_hook(
        lambda module, *_: seen.append((module.training, torch.is_grad_enabled()))
    )
    for training_mode in (True, False):
        model.train(training_mode)
        evaluate(model, line(), loss=nn.MSELoss(), metric=None)
        assert model.training is training_mode
    assert set(seen) == {(False, False)}


def test_evaluate_puts_the_mode_of_every_part_back():
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5), nn.Linear(1, 1))
    model[1].eval()
    evaluate(model, line(), loss=nn.MSELoss(), metric=None)
    assert [part.training for part in (model, *model)] == [True, True, False, True]


@pytest.mark.parametrize(("wrong", "error"), [(0, ValueError), (2.5, TypeError)])
def test_evaluate_refuses_batches_that_are_none(wrong, error):
    with pytest.raises(error, match="batch_size must be"):
        evaluate(linear(), line(), metric=None, batch_size=wrong)


def test_a_metric_may_give_a_tensor_and_the_history_holds_numbers():
    def distance(outputs, targets):
        return (outputs - targets).abs().mean()

    history = fit_line(linear(), validation=line(), metric=distance)
    values = history.train_metric + history.validation_metric
    assert [type(value) for value in values] == [float] * 4
    assert json.dumps(dataclasses.asdict(history))


def test_evaluate_puts_the_mode_back_after_an_error():
    model = linear()
    with pytest.raises(ValueError, match="accuracy compares"):
        evaluate(model, line(), loss=nn.MSELoss())
    assert model.training


def test_evaluate_gives_the_same_for_every_batch_size():
    inputs, labels = data.moons(50)
    model = linear(0, 2, 2)
    whole, parts = (evaluate(model, (inputs, labels), batch_size=n) for n in (50, 7))
    assert whole.loss == pytest.approx(parts.loss)
    assert whole.metric == pytest.approx(parts.metric)
    expected = torch.nn.functional.cross_entropy(model(inputs), labels).item()
    assert whole.loss == pytest.approx(expected)
    assert math.isnan(evaluate(model, (inputs, labels), metric=None).metric)


def test_evaluate_refuses_an_empty_data_set():
    with pytest.raises(ValueError, match="0 inputs and 0 targets"):
        evaluate(linear(), EMPTY)


def test_accuracy_counts_right_predictions():
    scores = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    assert accuracy(scores, torch.tensor([1, 0, 0, 0])) == 0.75
    pixels = torch.eye(3).reshape(1, 3, 3)  # (batch, classes, width)
    assert accuracy(pixels, torch.tensor([[0, 1, 1]])) == pytest.approx(2 / 3)


def test_accuracy_refuses_scores_without_classes():
    with pytest.raises(ValueError, match=r"accuracy compares .* got \(4,\)"):
        accuracy(torch.zeros(4), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize(
    "targets", [torch.zeros(4), torch.zeros(3, dtype=torch.long), torch.zeros(4, 2)]
)
def test_accuracy_refuses_targets_that_are_no_classes(targets):
    with pytest.raises(ValueError, match=r"got \(4, 2\) and torch\.\w+ \("):
        accuracy(torch.zeros(4, 2), targets)


def test_a_loss_with_outputs_that_are_no_tensor_can_be_trained():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.code, self.back = nn.Linear(1, 1), nn.Linear(1, 1)

        def forward(self, inputs):
            code = self.code(inputs)
            return self.back(code), code

    def reconstruction(outputs, targets):
        back, code = outputs
        return ((back - targets) ** 2).mean() + 1e-3 * code.square().mean()

    inputs, _ = line(50)
    torch.manual_seed(0)
    model = Pair()
    history = fit_line(model, (inputs, inputs), loss=reconstruction, epochs=40)
    assert history.train_loss[-1] < 0.1 * history.train_loss[0]


def test_fit_leaves_the_callers_random_generators_alone():
    state = torch.get_rng_state()
    model = nn.Linear(1, 1)
    torch.set_rng_state(state)
    fit_line(model)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("wanted", "variable", "hidden"),
    [(True, "", False), (True, "0", False), (True, "1", True), (False, "", True)],
)
def test_the_progress_bar_leaves_nothing_and_obeys_tqdm_disable_in_notebooks_too(
    monkeypatch, wanted, variable, hidden
):
    monkeypatch.setenv("TQDM_DISABLE", variable)
    drawn, bar = [], run.tqdm
    monkeypatch.setattr(
        run, "tqdm", lambda **given: drawn.append(given) or bar(**given)
    )
    fit_line(linear(), epochs=3, batch_size=4, progress=wanted)
    plain = {"total": 9, "initial": 0, "unit": "step", "leave": False}
    assert drawn == [plain | {"disable": hidden}]


def test_a_small_run_costs_little_more_than_its_steps():
    samples = data.regression(2000)
    model = linear()
    start = time.perf_counter()
    fit_line(model, samples, epochs=10, batch_size=20)  # 1,000 steps
    assert time.perf_counter() - start < 5


def test_the_device_is_the_callers_else_the_one_of_the_runtime(monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "abacus")
    assert fit_line(linear(), device="cpu").train_loss
    with pytest.raises(ValueError, match="DLBOOK_DEVICE='abacus'"):
        fit_line(linear())


def test_the_package_exports_what_chapters_use():
    for name in training.__all__:
        assert getattr(training, name).__doc__
