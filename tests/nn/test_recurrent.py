"""Recurrent layers equal torch's in every option, packed or not, and forget nothing."""

import copy
import pickle
import re

import pytest
import torch
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)
from torch.testing import assert_close

from dlbook import nn
from tests.cases import numbers

BATCH, TIME, INPUT, HIDDEN = 4, 6, 5, 3
EXACT = {"rtol": 1e-10, "atol": 1e-12}
LAYERS = ("RNN", "LSTM", "GRU")
CELLS = ("RNNCell", "LSTMCell", "GRUCell")
OPTIONS = [
    {},
    {"bias": False},
    {"batch_first": True},
    {"num_layers": 3},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "bias": False, "batch_first": True},
]
MADE = [(name, options) for name in LAYERS for options in OPTIONS]
MADE += [("RNN", {"nonlinearity": "relu", **options}) for options in OPTIONS[::2]]

made = pytest.mark.parametrize(("name", "options"), MADE, ids=str)


def pair(name, **options):
    """Make ours and torch's with the same weights."""
    ours = getattr(nn, name)(INPUT, HIDDEN, **options).double()
    theirs = getattr(torch.nn, name)(INPUT, HIDDEN, **options).double()
    for seed, parameter in enumerate(ours.parameters()):
        parameter.data = 0.7 * numbers(*parameter.shape, seed=seed + 10)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def flat(result):
    """List the tensors of nested results."""
    if isinstance(result, PackedSequence):
        return [result.data]
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result for tensor in flat(part)]


def outcome(layer, input, states):
    """Run forward and backward: outputs, last states, and every gradient."""
    leaves = [input, *(states or [])]
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]
    given = None
    if states is not None:
        given = tuple(leaves[1:]) if len(states) == 2 else leaves[1]
    results = flat(layer(leaves[0], given))
    total = sum(
        (r * numbers(*r.shape, seed=i)).sum() for i, r in enumerate(results, start=3)
    )
    return [*results, *torch.autograd.grad(total, [*leaves, *layer.parameters()])]


def first_states(layer, *lead):
    """Draw first states of the right shape."""
    count = 2 if "LSTM" in type(layer).__name__ else 1
    return [numbers(*lead, HIDDEN, seed=20 + i) for i in range(count)]


def assert_same(ours, theirs, input, states):
    pairs = zip(
        outcome(ours, input, states), outcome(theirs, input, states), strict=True
    )
    for mine, other in pairs:
        assert_close(mine, other, **EXACT)


@made
@pytest.mark.parametrize("training", [True, False])
def test_outputs_states_and_all_gradients_equal_torchs(name, options, training):
    ours, theirs = pair(name, **options)
    ours.train(training)
    theirs.train(training)
    rows = ours.num_layers * (1 + ours.bidirectional)
    shape = (BATCH, TIME) if ours.batch_first else (TIME, BATCH)
    batch, single = numbers(*shape, INPUT), numbers(TIME, INPUT)
    assert_same(ours, theirs, batch, None)
    assert_same(ours, theirs, batch, first_states(ours, rows, BATCH))
    assert_same(ours, theirs, single, None)
    assert_same(ours, theirs, single, first_states(ours, rows))


@made
@pytest.mark.parametrize("lengths", [[6, 4, 4, 1], [2, 6, 1, 5], [3, 3, 3, 3]], ids=str)
def test_packed_sequences_equal_torchs(name, options, lengths):
    ours, theirs = pair(name, **options)
    rows = ours.num_layers * (1 + ours.bidirectional)
    padded = numbers(BATCH, TIME, INPUT)
    for states in (None, first_states(ours, rows, BATCH)):
        outcomes = []
        for layer in (ours, theirs):
            leaves = [
                leaf.clone().requires_grad_() for leaf in (padded, *(states or []))
            ]
            packed = pack_padded_sequence(
                leaves[0], lengths, batch_first=True, enforce_sorted=False
            )
            given = None
            if states is not None:
                given = tuple(leaves[1:]) if len(states) == 2 else leaves[1]
            output, last = layer(packed, given)
            assert isinstance(output, PackedSequence)
            whole, found = pad_packed_sequence(output, batch_first=True)
            assert found.tolist() == lengths
            results = [whole, *flat(last)]
            total = sum((r * numbers(*r.shape, seed=7)).sum() for r in results)
            gradients = torch.autograd.grad(total, [*leaves, *layer.parameters()])
            outcomes.append([*results, *gradients])
        for mine, other in zip(*outcomes, strict=True):
            assert_close(mine, other, **EXACT)


def test_a_sorted_packed_sequence_equals_its_sequences_one_by_one():
    layer = nn.LSTM(INPUT, HIDDEN, bidirectional=True).double()
    padded, lengths = numbers(TIME, BATCH, INPUT), [6, 5, 2, 1]
    output, (hidden, cell) = layer(pack_padded_sequence(padded, lengths))
    whole, _ = pad_packed_sequence(output)
    for i, length in enumerate(lengths):
        alone, (h, c) = layer(padded[:length, i])
        assert_close(whole[:length, i], alone, **EXACT)
        assert_close((hidden[:, i], cell[:, i]), (h, c), **EXACT)
        assert (whole[length:, i] == 0).all()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_cells_and_their_gradients_equal_torchs(name, bias):
    kinds = ("tanh", "relu") if name == "RNNCell" else (None,)
    for kind in kinds:
        options = {"bias": bias} | ({"nonlinearity": kind} if kind else {})
        ours, theirs = pair(name, **options)
        for lead in ((BATCH,), ()):
            input = numbers(*lead, INPUT)
            assert_same(ours, theirs, input, None)
            assert_same(ours, theirs, input, first_states(ours, *lead))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_its_cell_step_by_step(name):
    layer = getattr(nn, name)(INPUT, HIDDEN).double()
    cell = getattr(nn, f"{name}Cell")(INPUT, HIDDEN).double()
    for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(cell, kind, getattr(layer, f"{kind}_l0"))
    sequence, state = numbers(TIME, BATCH, INPUT), None
    output, _ = layer(sequence)
    for element, expected in zip(sequence, output, strict=True):
        state = cell(element, state)
        hidden = state[0] if name == "LSTM" else state
        assert_close(hidden, expected, **EXACT)


@pytest.mark.parametrize("name", [*LAYERS, *CELLS])
def test_first_weights_names_and_words_are_torchs(name):
    options = OPTIONS if name in LAYERS else [{}, {"bias": False}]
    if name in LAYERS:
        options = [*options, {"num_layers": 2, "dropout": 0.2}]
    if name == "RNNCell":
        options = [*options, {"nonlinearity": "relu"}]
    for given in options:
        drawn = []
        for source in (nn, torch.nn):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(3)
                layer = getattr(source, name)(INPUT, HIDDEN, **given)
                drawn.append((layer, torch.rand(1)))
        (ours, mine), (theirs, other) = drawn
        assert torch.equal(mine, other)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", LAYERS)
def test_arguments_come_in_torchs_order(name):
    kind = ("relu",) if name == "RNN" else ()
    given = (INPUT, HIDDEN, 2, *kind, False, True, 0.25, True)
    ours, theirs = (getattr(source, name)(*given) for source in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    for option in ("nonlinearity",) * len(kind) + ("bias", "batch_first", "dropout"):
        assert getattr(ours, option) == getattr(theirs, option)


@made
def test_the_twin_is_torchs_and_shares_the_parameters(name, options):
    ours = getattr(nn, name)(INPUT, HIDDEN, **options)
    twin = nn.to_torch(ours)
    assert type(twin) is getattr(torch.nn, name)
    mine, other = dict(ours.named_parameters()), dict(twin.named_parameters())
    assert mine.keys() == other.keys()
    assert all(mine[key] is other[key] for key in mine)
    input = torch.randn(TIME, BATCH, INPUT)
    for one, two in zip(flat(ours(input)), flat(twin(input)), strict=True):
        assert_close(one, two, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(0.5)
    assert_close(flat(ours(input))[0], flat(twin(input))[0], rtol=1e-4, atol=1e-5)


def test_twins_of_cells_share_the_parameters():
    for name in CELLS:
        ours = getattr(nn, name)(INPUT, HIDDEN)
        twin = nn.to_torch(ours)
        assert type(twin) is getattr(torch.nn, name)
        assert twin.weight_hh is ours.weight_hh
        input = torch.randn(BATCH, INPUT)
        assert_close(flat(ours(input)), flat(twin(input)))


@pytest.mark.parametrize("name", LAYERS)
def test_dropout_acts_between_layers_in_training_only(name):
    torch.manual_seed(0)
    options = {"num_layers": 2, "bidirectional": True}
    layer = getattr(nn, name)(INPUT, HIDDEN, **options, dropout=0.5)
    plain = getattr(nn, name)(INPUT, HIDDEN, **options)
    plain.load_state_dict(layer.state_dict())
    input = torch.randn(TIME, BATCH, INPUT)
    expected, result = flat(plain(input)), flat(layer(input))
    assert not torch.allclose(result[0], expected[0])
    assert (result[0] != 0).all()  # nothing is silenced above the last layer
    for mine, other in zip(result[1:], expected[1:], strict=True):
        assert torch.equal(mine[:2], other[:2])  # nor on the way along a layer
        assert not torch.allclose(mine[2:], other[2:])
    for mine, other in zip(flat(layer.eval()(input)), expected, strict=True):
        assert torch.equal(mine, other)


def test_dropout_silences_its_share_and_makes_up_for_it():
    torch.manual_seed(0)
    share, size = 0.3, 40
    layer = nn.RNN(INPUT, size, 2, "relu", bias=False, dropout=share)
    with torch.no_grad():
        layer.weight_ih_l0.abs_()  # all states of the first layer are positive
        layer.weight_ih_l1.copy_(torch.eye(size))  # the second layer shows its input
        layer.weight_hh_l0.zero_()
        layer.weight_hh_l1.zero_()
    input = torch.rand(50, 20, INPUT) + 0.1
    whole = layer.eval()(input)[0]
    shown = layer.train()(input)[0]
    silent = shown == 0
    assert abs(silent.float().mean().item() - share) < 0.012  # 5 standard deviations
    assert_close(shown[~silent], whole[~silent] / (1 - share))
    assert not torch.equal(silent[0], silent[1])


def test_shorter_types_and_autocast_give_torchs_values_up_to_rounding():
    for name in LAYERS:
        ours = getattr(nn, name)(INPUT, HIDDEN)
        theirs = nn.to_torch(ours)
        input = torch.randn(TIME, BATCH, INPUT)
        expected = flat(theirs(input))[0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = flat(ours(input))[0]
            start = torch.zeros(1, BATCH, HIDDEN)
            start = (start, start) if name == "LSTM" else start
            again = flat(ours(input.bfloat16(), start))[0]
        assert_close(found.float(), expected, rtol=0.05, atol=0.03)
        assert_close(again.float(), expected, rtol=0.05, atol=0.03)
        short = flat(ours.bfloat16()(input.bfloat16()))[0]
        assert short.dtype == torch.bfloat16
        assert_close(short.float(), expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", LAYERS)
def test_an_empty_batch_keeps_its_shapes_and_moves_no_weight(name):
    ours = getattr(nn, name)(INPUT, HIDDEN, num_layers=2)
    output, *last = flat(ours(torch.zeros(TIME, 0, INPUT)))
    assert output.shape == nn.to_torch(ours)(torch.zeros(TIME, 0, INPUT))[0].shape
    assert all(state.shape == (2, 0, HIDDEN) for state in last)
    output.sum().backward()
    assert all((weight.grad == 0).all() for weight in ours.parameters())


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_have_gradients(name):
    layer = getattr(nn, name)(2, 3, bidirectional=True).double()
    input = numbers(3, 2, 2).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], (input,))


@made
def test_copies_and_pickles_compute_the_same(name, options):
    layer = getattr(nn, name)(INPUT, HIDDEN, **options).double()
    input = numbers(TIME, BATCH, INPUT)
    expected = flat(layer(input))
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert_close(flat(other(input)), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", LAYERS)
def test_what_does_not_fit_is_refused_in_words(name):
    make = getattr(nn, name)
    for arguments, words in (
        ({"input_size": 0, "hidden_size": 3}, "input_size"),
        ({"input_size": 2, "hidden_size": -1}, "hidden_size"),
        ({"input_size": 2, "hidden_size": 3, "num_layers": 0}, "num_layers"),
        ({"input_size": 2, "hidden_size": 3, "dropout": 1.5}, "1.5"),
        ({"input_size": 2, "hidden_size": 3, "dropout": 0.5}, "num_layers=1"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            make(**arguments)
    layer, turned = make(INPUT, HIDDEN), make(INPUT, HIDDEN, batch_first=True)
    for shape in ((TIME, BATCH, 4), (INPUT,), (2, 3, 4, INPUT)):
        for one, order in ((layer, "time, batch"), (turned, "batch, time")):
            words = f"({order}, 5) or (time, 5), got {shape}"
            with pytest.raises(ValueError, match=re.escape(words)):
                one(torch.zeros(shape))
    for one, shape in (
        (layer, (0, 2, INPUT)),
        (layer, (0, INPUT)),
        (turned, (0, INPUT)),
        (turned, (2, 0, INPUT)),
    ):
        with pytest.raises(ValueError, match=re.escape(f"step, got shape {shape}")):
            one(torch.zeros(shape))
    with pytest.raises(TypeError, match=r"floating-point input, got torch\.int64"):
        layer(torch.ones(TIME, BATCH, INPUT, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"float32, but its input is torch\.float64"):
        layer(numbers(TIME, BATCH, INPUT))
    cell = getattr(nn, f"{name}Cell")(INPUT, HIDDEN)
    with pytest.raises(ValueError, match=re.escape("(2, 4)")):
        cell(torch.zeros(2, 4))


@pytest.mark.parametrize("name", [*LAYERS, *CELLS])
def test_states_that_do_not_fit_are_refused_in_words(name):
    layer, cell = getattr(nn, name)(INPUT, HIDDEN), name.endswith("Cell")
    lead = (BATCH,) if cell else (1, BATCH)
    input = torch.zeros(BATCH, INPUT) if cell else torch.zeros(TIME, BATCH, INPUT)
    state, pairs = torch.zeros(*lead, HIDDEN), "LSTM" in name

    def refuse(error, words, wrong):
        with pytest.raises(error, match=f"{name} .*{words}"):
            layer(input, (state, wrong) if pairs else wrong)

    for shape in ((BATCH, *lead, HIDDEN), (*lead[:-1], 3, HIDDEN), (*lead, 2)):
        words = f"{(*lead, HIDDEN)}, got {shape}"
        refuse(ValueError, re.escape(words), torch.zeros(shape))
    refuse(TypeError, r"float32, got torch\.float64", state.double())
    refuse(TypeError, "tensor as state, got list", [0.0])
    with pytest.raises(ValueError, match=r"'s state is on meta, .* on cpu"):
        layer(input, (state, state.to("meta")) if pairs else state.to("meta"))
    if pairs:
        for wrong, words in ((state, "one tensor"), ((), "0 of"), ((state,), "1 of")):
            with pytest.raises(ValueError, match=f"2 tensors, got {words}"):
                layer(input, wrong)
        single = torch.zeros(INPUT) if cell else torch.zeros(TIME, INPUT)
        with pytest.raises(ValueError, match="2 tensors, got one tensor"):
            layer(single, torch.zeros(2, *lead[:-1], HIDDEN))  # would fall into two


@pytest.mark.parametrize("name", LAYERS)
def test_packed_sequences_that_do_not_fit_are_refused_in_words(name):
    layer = getattr(nn, name)(INPUT, HIDDEN, batch_first=True)
    packed = pack_padded_sequence(torch.zeros(TIME, BATCH, 2), [6, 5, 2, 1])
    with pytest.raises(ValueError, match=r"shape \(time, 5\), got \(14, 2\)"):
        layer(packed)
    packed = pack_padded_sequence(torch.zeros(TIME, BATCH, INPUT), [6, 5, 2, 1])
    wrong = torch.zeros(1, 5, HIDDEN)
    with pytest.raises(ValueError, match=r"\(1, 4, 3\), got \(1, 5, 3\)"):
        layer(packed, (wrong, wrong) if name == "LSTM" else wrong)
    with pytest.raises(TypeError, match=r"float32, but its input is torch\.float64"):
        layer(packed.double())


def test_options_that_are_left_out_are_refused():
    with pytest.raises(NotImplementedError, match="proj_size"):
        nn.LSTM(2, 3, proj_size=1)
    for make in (nn.RNN, nn.RNNCell):
        with pytest.raises(ValueError, match="nonlinearity"):
            make(2, 3, nonlinearity="sine")


def test_an_open_forget_gate_keeps_the_cell_for_ever():
    layer = nn.LSTM(INPUT, HIDDEN).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0[HIDDEN : 2 * HIDDEN] = 50.0  # forget gate open
        layer.bias_ih_l0[:HIDDEN] = -50.0  # input gate closed
    start = numbers(1, BATCH, HIDDEN)
    _, (_, cell) = layer(numbers(200, BATCH, INPUT), (start, start))
    assert_close(cell, start, **EXACT)
