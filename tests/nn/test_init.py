"""First weights: torch's numbers under the same seed, and the laws behind them."""

import inspect
import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from dlbook.nn import init
from dlbook.runtime import generator
from tests.cases import numbers

TYPES = [torch.float64, torch.float32, torch.bfloat16]
DRAWS = [
    ("uniform_", {}),
    ("uniform_", {"a": -3.0, "b": 0.5}),
    ("normal_", {}),
    ("normal_", {"mean": 2.0, "std": 0.3}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"std": 0.02, "a": -0.03, "b": 0.01}),
    ("trunc_normal_", {"a": 0.0, "b": 0.6}),
    ("trunc_normal_", {"mean": 1.0, "std": 3.0, "a": 0.0, "b": 0.5}),
    ("trunc_normal_", {"mean": -1.5, "a": 0.0, "b": 9.0}),
    ("trunc_normal_", {"mean": 4.0, "a": -2.0, "b": 2.5}),
    ("xavier_uniform_", {}),
    ("xavier_uniform_", {"gain": 5 / 3}),
    ("xavier_normal_", {}),
    ("xavier_normal_", {"gain": 0.5}),
    ("kaiming_uniform_", {}),
    ("kaiming_uniform_", {"a": 0.2, "mode": "fan_out"}),
    ("kaiming_uniform_", {"nonlinearity": "tanh"}),
    ("kaiming_normal_", {}),
    ("kaiming_normal_", {"nonlinearity": "relu"}),
    ("kaiming_normal_", {"a": math.sqrt(5), "mode": "fan_out"}),
    ("orthogonal_", {}),
    ("orthogonal_", {"gain": math.sqrt(2)}),
]
GAINS = [
    ("linear", None),
    *((f"conv{axes}d", None) for axes in (1, 2, 3)),
    *((f"conv_transpose{axes}d", None) for axes in (1, 2, 3)),
    ("sigmoid", None),
    ("tanh", None),
    ("relu", None),
    ("selu", None),
    ("leaky_relu", None),
    ("leaky_relu", 0.3),
    ("leaky_relu", 2),
]


def drawn(source, name, shape, dtype, arguments):
    tensor = torch.full(shape, 7.0, dtype=dtype, requires_grad=True)
    random = generator(4)
    result = getattr(source, name)(tensor, **arguments, generator=random)
    assert result is tensor
    return tensor.detach(), torch.rand(1, generator=random)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 3, 5), (80, 90)], ids=str)
@pytest.mark.parametrize(
    ("name", "arguments", "dtype"),
    [
        (name, arguments, dtype)
        for name, arguments in DRAWS
        for dtype in TYPES
        if name != "orthogonal_" or dtype != torch.bfloat16  # has no QR decomposition
    ],
    ids=str,
)
def test_the_numbers_are_torchs_bit_for_bit_with_the_same_generator(
    name, arguments, dtype, shape
):
    ours = drawn(init, name, shape, dtype, arguments)
    theirs = drawn(torch.nn.init, name, shape, dtype, arguments)
    assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("name", sorted({name for name, _ in DRAWS}))
def test_without_a_generator_torchs_global_one_is_used(name):
    results = []
    for source in (init, torch.nn.init):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            results.append((getattr(source, name)(torch.empty(4, 3)), torch.rand(1)))
    assert_close(results[0], results[1], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("constant_", (0.3,)), ("zeros_", ()), ("ones_", ()), ("eye_", ())],
)
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_constants_are_torchs(name, arguments, shape):
    ours, theirs = (
        getattr(source, name)(
            torch.full(shape, 7.0, dtype=torch.float64, requires_grad=True), *arguments
        )
        for source in (init, torch.nn.init)
    )
    assert ours.requires_grad
    assert ours.is_leaf
    assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("name", [n for n in init.__all__ if n != "fan_in_and_fan_out"])
def test_arguments_and_defaults_are_torchs(name):
    def arguments(function):
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.default, p.kind) for p in parameters]

    theirs = arguments(getattr(torch.nn.init, name))
    assert arguments(getattr(init, name)) == theirs


@pytest.mark.parametrize(("name", "param"), GAINS)
def test_gains_are_torchs(name, param):
    assert init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


@pytest.mark.parametrize(
    ("name", "slope", "layer"),
    [
        ("linear", None, nn.Identity()),
        ("relu", None, nn.ReLU()),
        ("leaky_relu", 0.5, nn.LeakyReLU(0.5)),
    ],
)
def test_the_gain_restores_the_mean_square_of_a_unit_normal(name, slope, layer):
    square = layer(numbers(200_000)).square().mean().item()
    assert init.calculate_gain(name, slope) ** 2 * square == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((5, 3), (3, 5)), ((4, 2, 3, 5), (30, 60)), ((6, 2, 7), (14, 42))],
)
def test_fans_count_the_elements_of_the_kernel(shape, fans):
    assert init.fan_in_and_fan_out(torch.empty(shape)) == fans


@pytest.mark.parametrize(
    ("name", "arguments", "variance"),
    [
        ("xavier_uniform_", {}, 2 / (400 + 600)),
        ("xavier_normal_", {"gain": 3.0}, 9 * 2 / (400 + 600)),
        ("kaiming_uniform_", {}, 2 / 400),
        ("kaiming_normal_", {"mode": "fan_out"}, 2 / 600),
        ("kaiming_normal_", {"a": 1.0}, 1 / 400),
        ("kaiming_uniform_", {"nonlinearity": "linear"}, 1 / 400),
    ],
)
def test_the_variance_is_that_of_the_formula(name, arguments, variance):
    weight = torch.empty(600, 400)
    getattr(init, name)(weight, **arguments, generator=generator(1))
    assert weight.mean().item() == pytest.approx(0, abs=3e-3 * math.sqrt(variance))
    assert weight.var().item() == pytest.approx(variance, rel=0.02)


def test_signals_keep_their_size_through_many_rectifiers_only_with_the_right_gain():
    def size_after_20_layers(nonlinearity):
        signal, random = numbers(64, 256), generator(1)
        for _ in range(20):
            weight = torch.empty(256, 256, dtype=torch.float64)
            init.kaiming_normal_(weight, nonlinearity=nonlinearity, generator=random)
            signal = (signal @ weight.T).relu()
        return signal.square().mean().item()

    assert 0.3 < size_after_20_layers("relu") < 3
    assert size_after_20_layers("linear") < 1e-5


@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7), (3, 2, 4)])
def test_orthogonal_weights_keep_lengths(shape):
    weight = init.orthogonal_(torch.empty(shape).double(), 3.0, generator(2)).flatten(1)
    rows, columns = weight.shape
    small = weight @ weight.T if rows <= columns else weight.T @ weight
    assert_close(small, 9 * torch.eye(len(small), dtype=torch.float64))


def test_orthogonal_weights_point_everywhere_equally():
    drawn = [
        init.orthogonal_(torch.empty(2, 2), generator=generator(seed))
        for seed in range(400)
    ]
    assert torch.stack(drawn).mean(0).abs().max() < 0.15  # without the signs: 0.6


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0.0, 1.0, -2.0, 2.0), (1.0, 2.0, 0.0, 1.5), (-1.0, 1.0, 0.0, 3.0)],
)
def test_truncated_draws_follow_the_normal_density_inside(mean, std, a, b):
    values = init.trunc_normal_(torch.empty(50_000), mean, std, a, b, generator(1))
    assert a <= values.min()
    assert values.max() <= b
    grid = torch.linspace(a, b, 2001, dtype=torch.float64)
    density = (-0.5 * ((grid - mean) / std).square()).exp()
    expected = (grid * density).sum() / density.sum()
    spread = ((grid - expected).square() * density).sum() / density.sum()
    assert values.mean().item() == pytest.approx(expected.item(), abs=0.02)
    assert values.var().item() == pytest.approx(spread.item(), rel=0.03)


def test_tensors_on_the_meta_device_pass_through():
    for name in ("normal_", "trunc_normal_", "kaiming_uniform_", "orthogonal_"):
        tensor = torch.empty(3, 4, device="meta")
        assert getattr(init, name)(tensor) is tensor


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: init.uniform_(torch.empty(2), 1, 0), ValueError, "a ≤ b, got a=1 and"),
        (lambda: init.normal_(torch.empty(2), 0, -1), ValueError, "std ≥ 0, got -1"),
        (lambda: init.normal_(torch.ones(2).long()), TypeError, "normal_.*torch.int64"),
        (lambda: init.uniform_([1.0]), TypeError, "uniform_ needs a tensor.*got list"),
        (lambda: init.eye_(torch.empty(2, 3, 4)), ValueError, r"a matrix.*\(2, 3, 4\)"),
        (lambda: init.xavier_normal_(torch.empty(3)), ValueError, r"fan-in.*\(3,\)"),
        (lambda: init.kaiming_normal_(torch.empty(0, 3)), ValueError, r"\(0, 3\)"),
        (
            lambda: init.kaiming_normal_(torch.empty(2, 3), mode="fan"),
            ValueError,
            "mode must be one of fan_in, fan_out; got 'fan'",
        ),
        (
            lambda: init.kaiming_normal_(torch.empty(2, 3), nonlinearity="gelu"),
            ValueError,
            "leaky_relu; got 'gelu'",
        ),
        (
            lambda: init.calculate_gain("leaky_relu", "steep"),
            TypeError,
            "param must be a number, got 'steep'",
        ),
        (lambda: init.orthogonal_(torch.empty(3)), ValueError, r"two axes.*\(3,\)"),
        (
            lambda: init.orthogonal_(torch.empty(2, 3).bfloat16()),
            TypeError,
            "got torch.bfloat16",
        ),
        (lambda: init.trunc_normal_(torch.empty(2), std=0), ValueError, "std=0"),
        (lambda: init.trunc_normal_(torch.empty(2), a=1, b=1), ValueError, "a=1, b=1"),
        (
            lambda: init.trunc_normal_(torch.empty(2), mean=5),
            ValueError,
            "at most 2 std outside.*mean=5",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(draw, error, words):
    with pytest.raises(error, match=words):
        draw()
