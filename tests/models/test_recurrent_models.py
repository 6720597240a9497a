"""Recurrent models read from left to right, in one go or in parts."""

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn, optim
from dlbook.models import CharRNN, Forecaster
from dlbook.runtime import generator

layers = pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])


def make(model, *arguments, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model(*arguments, **options)


def text(batch=3, time=7):
    return torch.randint(11, (batch, time), generator=generator(1))


def series(batch=5, time=9, size=2):
    return torch.randn(batch, time, size, generator=generator(2))


@layers
def test_the_future_does_not_change_the_past_but_the_past_the_future(layer):
    model, tokens = make(CharRNN, 11, 4, 6, 2, layer).double(), text()
    before = model(tokens)
    assert before.shape == (3, 7, 11)
    tokens[:, 3] = (tokens[:, 3] + 1) % 11
    after = model(tokens)
    assert torch.equal(after[:, :3], before[:, :3])
    changed = (after - before).abs().amax((0, 2))
    assert (changed[3:] > 1e-4).all()


@layers
@pytest.mark.parametrize("sizes", [(1,) * 7, (3, 4), (7,)], ids=str)
def test_reading_in_parts_with_the_memory_gives_the_same_scores(layer, sizes):
    model, tokens = make(CharRNN, 11, 4, 6, 2, layer).double(), text()
    memory, parts = None, []
    for part in tokens.split(list(sizes), dim=1):
        scores, memory = model.read(part, memory)
        parts.append(scores)
    assert_close(torch.cat(parts, 1), model(tokens), rtol=1e-10, atol=1e-12)


@layers
def test_the_best_continuation_is_that_of_the_whole_text_read_anew(layer):
    model, tokens = make(CharRNN, 11, 4, 6, 1, layer).double(), text()
    written = model.generate(tokens, 10, temperature=0)
    assert written.shape == (3, 17)
    assert torch.equal(written[:, :7], tokens)
    assert torch.equal(model(written[:, :-1])[:, 6:].argmax(2), written[:, 7:])


def test_what_is_drawn_depends_on_the_generator_and_the_options():
    model = make(CharRNN, 11, 4, 6)
    draws = [model.generate(text(), 20, generator=generator(s)) for s in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    greedy = model.generate(text(), 20, temperature=0)
    for option in ({"top_k": 1}, {"top_p": 1e-6}):
        assert torch.equal(model.generate(text(), 20, **option), greedy)
    assert torch.equal(model.generate(text(), 0), text())


@layers
@pytest.mark.parametrize("name", ["CharRNN", "Forecaster"])
def test_torchs_layers_give_the_same_output_and_gradients(name, layer):
    if name == "CharRNN":
        model, inputs = make(CharRNN, 11, 4, 6, 2, layer), text()
    else:
        model, inputs = make(Forecaster, 2, 6, 3, 2, layer), series().double()
    model = model.double()
    twin = nn.to_torch(model)
    assert type(twin.recurrence).__module__.startswith("torch")
    results = []
    for network in (model, twin):
        output = network(inputs)
        weights = list(network.parameters())
        results.append([output, *torch.autograd.grad(output.square().sum(), weights)])
    for mine, other in zip(*results, strict=True):
        assert_close(mine, other, rtol=1e-9, atol=1e-11)


@layers
def test_a_forecast_depends_on_every_step_and_on_no_other_window(layer):
    model, windows = make(Forecaster, 2, 6, 3, layer=layer).double(), series().double()
    windows.requires_grad_()
    forecast = model(windows)
    assert forecast.shape == (5, 3)
    (slopes,) = torch.autograd.grad(forecast[1].sum(), windows)
    assert (slopes[1].abs() > 1e-9).all()
    assert slopes[[0, 2, 3, 4]].abs().sum() == 0


@layers
@pytest.mark.parametrize("name", ["CharRNN", "Forecaster"])
def test_it_overfits_one_batch_and_every_parameter_gets_a_gradient(name, layer):
    if name == "CharRNN":
        tokens = text(4, 8)
        model = make(CharRNN, 11, 8, 32, layer=layer)
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        loss = lambda scores, wanted: nn.CrossEntropyLoss()(scores.mT, wanted)  # noqa: E731
    else:
        model = make(Forecaster, 2, 32, 3, layer=layer)
        inputs, targets = series(), torch.randn(5, 3, generator=generator(3))
        loss = nn.MSELoss()
    adam = optim.Adam(model.parameters(), lr=0.02)
    for step in range(150):
        adam.zero_grad()
        value = loss(model(inputs), targets)
        value.backward()
        if step == 0:
            assert value > 0.5
            assert all(p.grad.abs().sum() > 0 for p in model.parameters())
        adam.step()
    # Where two texts begin alike, nobody can tell what comes next.
    assert value < 0.2


def test_dropout_acts_between_layers_in_training_mode_only():
    model = make(CharRNN, 11, 4, 6, 2, nn.GRU, 0.5)
    assert not torch.equal(model(text()), model(text()))
    model.eval()
    assert torch.equal(model(text()), model(text()))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: CharRNN(0), "vocabulary_size"),
        (lambda: CharRNN(5, embed_dim=0), "embed_dim"),
        (lambda: CharRNN(5, hidden_size=0), "hidden_size"),
        (lambda: CharRNN(5, dropout=0.5), "num_layers=1"),
        (lambda: Forecaster(0), "input_size"),
        (lambda: Forecaster(horizon=0), "horizon"),
        (lambda: CharRNN(5)(torch.zeros(3, dtype=torch.int64)), r"got \(3,\)"),
        (lambda: CharRNN(5)(torch.zeros(3, 0, dtype=torch.int64)), r"got \(3, 0\)"),
        (lambda: CharRNN(5)(torch.full((1, 2), 5)), "5"),
        (lambda: CharRNN(5).generate(torch.zeros(1, 1).long(), -1), "count"),
        (lambda: Forecaster(2)(torch.zeros(3, 4, 1)), r"got \(3, 4, 1\)"),
        (lambda: Forecaster(2)(torch.zeros(4, 2)), r"got \(4, 2\)"),
        (lambda: Forecaster(2)(torch.zeros(3, 0, 2)), r"got \(3, 0, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(build, words):
    with pytest.raises(ValueError, match=words):
        build()
