"""Clipping gradients: bit for bit what torch's functions do, and what is refused."""

import inspect
import math

import pytest
import torch

from dlbook import optim
from tests.cases import numbers

theirs = torch.nn.utils
NORMS = [1.0, 2.0, 3.5, 0.0, math.inf, -math.inf, "inf", 2]
SHAPES = [(3,), (40, 30), (), (2, 3, 5)]


def with_gradients(dtype=torch.float32, scale=1.0):
    """Parameters, all but the last with a gradient."""
    made = [torch.nn.Parameter(torch.zeros(s, dtype=dtype)) for s in [*SHAPES, (2,)]]
    for p in made[:-1]:
        p.grad = (scale * numbers(*p.shape, seed=p.ndim)).to(dtype)
    return made


def gradients(parameters):
    return [p.grad for p in parameters if p.grad is not None]


def assert_identical(ours, expected):
    for a, b in zip(gradients(ours), gradients(expected), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "name",
    ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"],
)
def test_arguments_and_their_defaults_are_torchs(name):
    ours, expected = (
        [(p.name, p.default) for p in inspect.signature(function).parameters.values()]
        for function in (getattr(optim, name), getattr(theirs, name))
    )
    assert ours == expected


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str
)
@pytest.mark.parametrize("max_norm", [0.5, 1, 1e6, 0.0, math.inf])
@pytest.mark.parametrize("norm_type", NORMS)
def test_clipping_by_norm_is_torchs_bit_for_bit(norm_type, max_norm, dtype):
    ours, expected = with_gradients(dtype), with_gradients(dtype)
    norm = optim.clip_grad_norm_(ours, max_norm, norm_type)
    assert torch.equal(norm, theirs.clip_grad_norm_(expected, max_norm, norm_type))
    assert norm.dtype == dtype
    assert_identical(ours, expected)
    after = optim.get_total_norm(gradients(ours), norm_type)
    assert torch.equal(after, theirs.get_total_norm(gradients(expected), norm_type))


@pytest.mark.parametrize("clip_value", [0.3, 1, 0.0, 1e6, math.inf])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_clipping_by_value_is_torchs_bit_for_bit(clip_value, dtype):
    ours, expected = with_gradients(dtype), with_gradients(dtype)
    ours[0].grad[0] = expected[0].grad[0] = math.nan
    ours[0].grad[1] = expected[0].grad[1] = -math.inf
    assert optim.clip_grad_value_(ours, clip_value) is None
    theirs.clip_grad_value_(expected, clip_value)
    assert ours[0].grad[0].isnan()
    ours[0].grad[0] = expected[0].grad[0] = 0
    assert_identical(ours, expected)


def test_long_gradients_get_the_length_allowed_and_keep_their_direction():
    before = torch.cat([g.flatten() for g in gradients(with_gradients())])
    parameters = with_gradients()
    norm = optim.clip_grad_norm_(iter(parameters), 0.5)
    after = torch.cat([g.flatten() for g in gradients(parameters)])
    torch.testing.assert_close(norm, before.norm())
    torch.testing.assert_close(after, before * (0.5 / before.norm()))


def test_one_tensor_no_gradient_and_no_parameter_will_do():
    (p, *_, without) = with_gradients()
    expected = p.grad.clone()
    assert optim.clip_grad_norm_(p, 100.0) == expected.norm()
    optim.clip_grad_value_(p, 100.0)
    assert torch.equal(p.grad, expected)
    for nothing in (without, []):
        assert optim.clip_grad_norm_(nothing, 1.0) == 0
        optim.clip_grad_value_(nothing, 1.0)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_is_an_error_if_asked_for(wrong):
    ours, expected = with_gradients(), with_gradients()
    ours[1].grad[2, 3] = expected[1].grad[2, 3] = wrong
    with pytest.raises(RuntimeError, match=f"2.0-norm of the gradients is {wrong}"):
        optim.clip_grad_norm_(ours, 1.0, error_if_nonfinite=True)
    assert ours[0].grad.abs().sum() > 0  # untouched
    norm = optim.clip_grad_norm_(ours, 1.0)
    theirs.clip_grad_norm_(expected, 1.0)
    assert not norm.isfinite()
    for a, b in zip(gradients(ours), gradients(expected), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("wrong", [-1.0, math.nan])
def test_negative_bounds_are_refused_before_anything_is_changed(wrong):
    parameters, untouched = with_gradients(), with_gradients()
    with pytest.raises(ValueError, match=f"max_norm must not be negative, got {wrong}"):
        optim.clip_grad_norm_(parameters, wrong)
    with pytest.raises(
        ValueError, match=f"clip_value must not be negative, got {wrong}"
    ):
        optim.clip_grad_value_(parameters, wrong)
    assert_identical(parameters, untouched)


def test_sparse_gradients_foreach_and_used_up_generators_are_refused():
    (p, q, *_) = with_gradients()
    q.grad = q.grad.to_sparse()
    before = p.grad.clone()
    for clip in (optim.clip_grad_norm_, optim.clip_grad_value_):
        with pytest.raises(TypeError, match=r"dense gradients, got torch\.sparse"):
            clip([p, q], 0.1)
        with pytest.raises(NotImplementedError, match="foreach is not implemented"):
            clip([p], 0.1, foreach=True)
        with pytest.raises(ValueError, match="got a generator that yields nothing"):
            clip((p for p in []), 0.1)
    assert torch.equal(p.grad, before)
