"""The engine on NumPy arrays against torch, against differences, and in words."""

import contextlib
import operator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlbook import data
from dlbook.autograd import Tensor, no_grad, numerical_gradient


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def both(*arrays):
    """Make ours and torch's sources from the same arrays."""
    ours = [Tensor(array, requires_grad=True) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    return ours, theirs


def assert_same(ours, theirs):
    """Compare results and the gradients of all sources with torch's."""
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            mine.data, other.detach().numpy(), rtol=1e-10, atol=1e-12
        )
        if mine.grad is None:
            assert other.grad is None
        else:
            assert mine.grad.shape == mine.shape
            np.testing.assert_allclose(
                mine.grad, other.grad.numpy(), rtol=1e-9, atol=1e-11
            )


BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / (b * b + 0.5),
    "**": lambda a, b: (a * a + 0.5) ** b.tanh(),
}
UNARY = {
    "negative": operator.neg,
    "exp": lambda a: (a.tanh()).exp(),
    "log": lambda a: (a * a + 0.1).log(),
    "tanh": lambda a: a.tanh(),
    "sigmoid": lambda a: a.sigmoid(),
    "relu": lambda a: a.relu(),
    "square": lambda a: a**2,
    "from a number": lambda a: 2 - 3 / (a * a + 1) + 2 ** a.tanh(),
    "sum": lambda a: a.sum(),
    "mean": lambda a: a.mean(),
}
SHAPES = [(2, 3), (3,), (2, 1), (1, 3), (1, 1), (), (4, 2, 3)]


@st.composite
def programs(draw):
    """Draw sources and a list of steps, each on values that were there before."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4))
    steps = []
    for count in range(len(shapes), len(shapes) + draw(st.integers(1, 12))):
        name = draw(st.sampled_from([*BINARY, *UNARY]))
        places = st.integers(0, count - 1)
        steps.append((name, draw(places), draw(places)))
    return shapes, steps, draw(st.integers(0, 1000))


def run(program, sources):
    """Run a program; its result depends on every value on the way."""
    values = list(sources)
    for name, i, j in program:
        value = (
            BINARY[name](values[i], values[j])
            if name in BINARY
            else UNARY[name](values[i])
        )
        values.append(value / 10 if name in ("*", "square") else value)
    total = values[0].sum()
    for value in values[1:]:
        total = total + value.mean()
    return total


@given(programs())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_gradients_of_random_graphs_equal_torchs(drawn):
    shapes, program, seed = drawn
    arrays = [numbers(*shape, seed=seed + i) for i, shape in enumerate(shapes)]
    ours, theirs = both(*arrays)
    mine, other = run(program, ours), run(program, theirs)
    mine.backward()
    other.backward()
    assert_same([mine.detach(), *ours], [other.detach(), *theirs])


@given(programs())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_gradients_of_random_graphs_equal_central_differences(drawn):
    shapes, program, seed = drawn
    program = [
        ("tanh" if step[0] == "relu" else step[0], *step[1:]) for step in program
    ]
    ours, _ = both(*(numbers(*shape, seed=seed + i) for i, shape in enumerate(shapes)))
    run(program, ours).backward()
    estimates = numerical_gradient(lambda *t: run(program, t), *ours)
    for tensor, estimate in zip(ours, estimates, strict=True):
        np.testing.assert_allclose(tensor.grad, estimate, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 3), (3, 4)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((5, 2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((2, 3), (5, 3, 4)),
        ((5, 1, 2, 3), (6, 3, 4)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 4)),
    ],
    ids=str,
)
def test_every_form_of_the_matrix_product_equals_torchs(left, right):
    ours, theirs = both(numbers(*left, seed=1), numbers(*right, seed=2))
    (mine, other) = (a @ b for a, b in (ours, theirs))
    assert mine.shape == other.shape
    weights = numbers(*mine.shape, seed=3)
    mine.backward(weights)
    other.backward(torch.tensor(weights))
    assert_same([mine.detach(), *ours], [other.detach(), *theirs])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, 1)])
def test_sum_mean_and_max_along_any_axes_equal_torchs(axis, keepdims):
    array = numbers(2, 3, 4)
    array[0, 1] = array.max() + 1  # equals share the gradient
    for name, theirs in {"sum": "sum", "mean": "mean", "max": "amax"}.items():
        ours, other = both(array)
        mine = getattr(ours[0], name)(axis, keepdims)
        expected = getattr(other[0], theirs)(() if axis is None else axis, keepdims)
        weights = numbers(*mine.shape, seed=5)
        mine.backward(weights)
        expected.backward(torch.tensor(weights))
        assert_same([mine.detach(), *ours], [expected.detach(), *other])


INDICES = {
    "a number": 1,
    "a slice": slice(None, None, 2),
    "two": (0, slice(1, 3)),
    "an ellipsis": (..., 2),
    "a list with repeats": [0, 1, 1, 0],
    "pairs": ([0, 1, 1], [2, 2, 2]),
    "a mask": np.array([True, False]),
    "a new axis": (slice(None), None),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_indexing_equals_torchs(index):
    ours, theirs = both(numbers(2, 3, 4))
    taken, expected = ours[0][index], theirs[0][index]
    (taken * taken).sum().backward()
    (expected * expected).sum().backward()
    assert_same([taken.detach(), *ours], [expected.detach(), *theirs])


def test_reshape_and_transpose_equal_torchs():
    ours, theirs = both(numbers(2, 3, 4))
    mine = ours[0].transpose(2, 0, 1).reshape(4, -1).T
    other = theirs[0].permute(2, 0, 1).reshape(4, -1).T
    weights = numbers(6, 4, seed=8)
    mine.backward(weights)
    other.backward(torch.tensor(weights))
    assert_same([mine.detach(), *ours], [other.detach(), *theirs])
    assert ours[0].T.shape == (4, 3, 2)


@pytest.mark.parametrize("base", [0.0, 2.0])
@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.5])
def test_powers_at_the_edges_equal_torchs(base, exponent):
    ours, theirs = both(np.array(base), np.array(exponent))
    (ours[0] ** ours[1]).backward()
    (theirs[0] ** theirs[1]).backward()
    assert_same(ours, theirs)


def test_sigmoid_and_exp_of_extreme_numbers_neither_warn_nor_fail():
    ours, theirs = both(np.array([-800.0, -40.0, 0.0, 40.0, 800.0]))
    ours[0].sigmoid().sum().backward()
    theirs[0].sigmoid().sum().backward()
    assert_same(ours, theirs)
    assert Tensor(1000.0).exp().item() == np.inf


def test_arrays_and_numbers_may_stand_on_the_left():
    x = Tensor(numbers(3), requires_grad=True)
    array = numbers(3, seed=1)
    for value in (array + x, array - x, array * x, array / x, 2.0 + x, 1 - x):
        assert isinstance(value, Tensor)
        assert value.requires_grad
    np.testing.assert_allclose((array - x).data, array - x.data)
    matrix = numbers(4, 3)
    np.testing.assert_allclose((matrix @ x).data, matrix @ x.data)


def test_backward_adds_to_what_is_there_and_may_be_called_again():
    ours, theirs = both(numbers(3))
    for (x,) in (ours, theirs):
        y = x * x
        y.sum().backward(**({"retain_graph": True} if x is theirs[0] else {}))
        (y * y).sum().backward()
    assert_same(ours, theirs)


def test_intermediate_results_have_the_gradient_that_torch_retains():
    ours, theirs = both(numbers(3))
    middles = [x * 3 for (x,) in (ours, theirs)]
    middles[1].retain_grad()
    for middle in middles:
        (middle.tanh() * middle).sum().backward()
    np.testing.assert_allclose(middles[0].grad, middles[1].grad.numpy(), rtol=1e-12)


def test_a_chain_of_ten_thousand_operations_works():
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    y.backward()
    assert x.grad == pytest.approx(1.0001**10_000, rel=1e-9)


def test_a_result_used_twice_at_each_of_sixty_levels_is_visited_once():
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def test_under_no_grad_nothing_is_remembered_even_if_it_fails_inside():
    x = Tensor(2.0, requires_grad=True)
    with no_grad():
        assert not (x * x).requires_grad
    with contextlib.suppress(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    y = x * x
    assert y.requires_grad
    assert not y.detach().requires_grad
    assert y.detach().parents == ()


def test_what_needs_no_gradient_gets_none():
    x, constant = Tensor(numbers(3), requires_grad=True), Tensor(numbers(3))
    (x * constant).sum().backward()
    assert constant.grad is None
    assert x.grad is not None


def test_single_precision_stays_single():
    x = Tensor(numbers(2, 3).astype(np.float32), requires_grad=True)
    y = ((1 - 2 * x) / 3 + 0.5).exp().mean()
    y.backward()
    assert y.data.dtype == x.grad.dtype == np.float32
    assert Tensor([1, 2]).data.dtype == np.float64


def test_the_data_is_copied():
    array = numbers(3)
    x = Tensor(array)
    x.data[0] = 7
    assert array[0] != 7


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda x: x + Tensor(numbers(4)), r"\+ of shape \(2, 3\) and \(4,\)"),
        (lambda x: x * numbers(3, 2), r"\* of shape \(2, 3\) and \(3, 2\)"),
        (lambda x: x @ Tensor(numbers(2, 4)), r"@ of shape \(2, 3\) and \(2, 4\)"),
        (lambda x: x @ Tensor(3.0), r"@ of shape \(2, 3\) and \(\)"),
        (lambda x: x.reshape(4, 2), r"reshape of shape \(2, 3\).*\(4,2\)"),
        (lambda x: x.sum(axis=2), r"sum of shape \(2, 3\).*axis 2"),
        (lambda x: x.item(), r"single number, got shape \(2, 3\)"),
        (lambda x: x.backward(), r"single number, got shape \(2, 3\)"),
        (lambda x: x.backward(numbers(3)), r"shape \(2, 3\), got \(3,\)"),
        (lambda x: x.detach().sum().backward(), "requires_grad=True"),
        (lambda x: x[:0].mean(), r"at least one number, got shape \(0, 3\)"),
    ],
)
def test_mistakes_are_refused_in_words(act, words):
    with pytest.raises(ValueError, match=words):
        act(Tensor(numbers(2, 3), requires_grad=True))


def test_not_a_number_is_reported_where_it_arises():
    with pytest.raises(FloatingPointError, match="the data is NaN in 1 of 2 places"):
        Tensor([1.0, np.nan])
    with pytest.raises(FloatingPointError, match="result of log is NaN in 1 of 2"):
        Tensor([1.0, -1.0]).log()
    with pytest.raises(FloatingPointError, match="result of - is NaN"):
        Tensor(1000.0).exp() - Tensor(1000.0).exp()
    x = Tensor(0.0, requires_grad=True)
    y = (x**0.5) * 0
    with pytest.raises(FloatingPointError, match=r"gradient of \*\* is NaN"):
        y.backward()


@pytest.mark.parametrize("data", [["a"], [1j], [None]])
def test_what_is_no_real_number_is_refused(data):
    with pytest.raises(TypeError, match="real numbers, got"):
        Tensor(data)


def test_differences_need_double_precision_and_leave_the_data_alone():
    x = Tensor(numbers(2))
    before = x.data.copy()
    with pytest.raises(ZeroDivisionError):
        numerical_gradient(lambda t: 1 / 0, x)
    np.testing.assert_array_equal(x.data, before)
    with pytest.raises(TypeError, match="float64 tensors, got float32"):
        numerical_gradient(lambda t: t.sum(), Tensor(before.astype(np.float32)))


def test_it_shows_where_it_came_from():
    x = Tensor(2.0, requires_grad=True)
    assert repr(x) == "Tensor(2.0, requires_grad=True)"
    assert repr(x.exp()).endswith("operation='exp')")
    assert len(Tensor(numbers(3, 2))) == 3


def cross_entropy(scores, labels):
    """Mean negative log-probability of the labels, for either library."""
    largest = scores.data.max(1)
    largest = getattr(largest, "values", largest)[:, None]
    shifted = scores - largest
    log_sum = shifted.exp().sum(1).log()
    return (log_sum - shifted[np.arange(len(labels)), labels]).mean()


def train(tensor, weights, images, labels, steps=120):
    """Train two layers by full-batch descent; return the last scores' accuracy."""
    w1, b1, w2, b2 = parameters = [tensor(w) for w in weights]
    for _ in range(steps):
        scores = (images @ w1 + b1).relu() @ w2 + b2
        loss = cross_entropy(scores, labels)
        loss.backward()
        for p in parameters:
            p.data -= 0.5 * p.grad
            p.grad = None
    return loss.item(), [p.data for p in parameters]


def test_a_network_trained_on_digits_ends_as_in_torch():
    (images, labels), (test_images, test_labels) = (
        (x.flatten(1).double(), y.numpy())
        for x, y in (data.digits().train, data.digits().test)
    )
    shapes = [(64, 32), (32,), (32, 10), (10,)]
    weights = [0.2 * numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
    mine, ours = train(
        lambda w: Tensor(w, requires_grad=True), weights, images.numpy(), labels
    )
    other, theirs = train(
        lambda w: torch.tensor(w, requires_grad=True), weights, images, labels
    )
    assert mine == pytest.approx(other, rel=1e-8)
    hits = []
    for w1, b1, w2, b2 in (ours, [w.numpy() for w in theirs]):
        hidden = np.maximum(test_images.numpy() @ w1 + b1, 0)
        hits.append(np.mean((hidden @ w2 + b2).argmax(1) == test_labels))
    assert hits[0] == hits[1] > 0.9
