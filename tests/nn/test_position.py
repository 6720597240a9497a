"""Positions: what sinusoids, learned vectors and turned pairs promise."""

import math
import re

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from dlbook.nn.position import sinusoids
from tests.cases import numbers


def test_sinusoids_are_the_papers_formula():
    table = sinusoids(50, 6)
    assert table.dtype == torch.float32
    for t in range(50):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            assert_close(table[t, 2 * i].item(), math.sin(angle), rtol=0, atol=1e-6)
            assert_close(table[t, 2 * i + 1].item(), math.cos(angle), rtol=0, atol=1e-6)


def test_a_step_of_k_turns_each_pair_of_sinusoids_by_one_angle():
    table = sinusoids(300, 8).double()
    sines, cosines = table[:, ::2], table[:, 1::2]
    frequencies = 10000 ** (-torch.arange(4) / 4)
    for k in (1, 7, 100):
        cos, sin = (k * frequencies).cos(), (k * frequencies).sin()
        turned = sines * cos + cosines * sin
        assert_close(turned[:-k], sines[k:], rtol=0, atol=1e-5)


def test_the_layer_adds_the_table_and_has_no_state():
    layer = nn.SinusoidalPositionalEncoding(6, max_length=9)
    input = numbers(2, 5, 6)
    assert_close(layer(input), input + sinusoids(5, 6).double())
    assert layer.state_dict() == {}
    assert layer(input.bfloat16()).dtype == torch.bfloat16
    silent = nn.SinusoidalPositionalEncoding(6, dropout=1.0)
    assert (silent(input) == 0).all()
    assert_close(silent.eval()(input), layer(input))


def test_learned_positions_are_added_from_an_offset_on_and_get_gradients():
    layer = nn.LearnedPositionalEncoding(9, 6).double()
    input = numbers(2, 5, 6)
    output = layer(input, offset=3)
    assert_close(output, input + layer.weight[3:8])
    output.sum().backward()
    assert layer.weight.grad.sum(1).tolist() == [0, 0, 0, 12, 12, 12, 12, 12, 0]
    large = nn.LearnedPositionalEncoding(500, 100)
    assert abs(large.weight.std() - 0.02) < 0.001


def test_turned_queries_and_keys_know_their_distance_only():
    layer = nn.RotaryPositionalEncoding(8)
    query, key = numbers(1, 8, seed=1), numbers(1, 8, seed=2)
    products = {
        (i, j): (layer(query, offset=i) @ layer(key, offset=j).mT).item()
        for i in range(0, 40, 7)
        for j in range(0, 40, 7)
    }
    for (i, j), product in products.items():
        assert product == pytest.approx(products[max(i - j, 0), max(j - i, 0)])
    assert products[7, 0] != pytest.approx(products[0, 7])
    assert products[7, 0] != pytest.approx(products[14, 0])


def test_what_was_computed_for_inference_serves_training_too():
    layer = nn.RotaryPositionalEncoding(6, base=123.0)
    with torch.inference_mode():
        layer(numbers(5, 6))
    input = numbers(5, 6).requires_grad_()
    layer(input).sum().backward()
    assert input.grad.isfinite().all()


def test_turning_keeps_lengths_and_is_a_rotation_of_each_pair():
    layer = nn.RotaryPositionalEncoding(6, base=100.0)
    input = numbers(2, 3, 5, 6)
    output = layer(input)
    assert_close(output.norm(dim=-1), input.norm(dim=-1))
    assert_close(output[..., 0, :], input[..., 0, :])
    for t in range(5):
        for i in range(3):
            before = torch.view_as_complex(input[..., t, i::3].contiguous())
            after = torch.view_as_complex(output[..., t, i::3].contiguous())
            angle = torch.tensor(t * 100 ** (-2 * i / 6), dtype=torch.float64)
            turned = before * torch.polar(torch.ones_like(angle), angle)
            assert_close(after, turned, rtol=1e-10, atol=1e-12)
    assert_close(layer(input[..., 2:, :], offset=2), output[..., 2:, :])
    assert layer(input.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sinusoids(5, 7), "d_model must be even, got 7"),
        (lambda: sinusoids(-1, 6), "length"),
        (lambda: sinusoids(5, 0), "d_model must be at least 1, got 0"),
        (lambda: sinusoids(5, 6, base=-2.0), "base must be positive and finite"),
        (lambda: nn.SinusoidalPositionalEncoding(6, 0), "max_length"),
        (lambda: nn.SinusoidalPositionalEncoding(6, 4)(numbers(2, 5, 6)), "up to 4"),
        (lambda: nn.SinusoidalPositionalEncoding(6)(numbers(2, 5, 4)), "(2, 5, 4)"),
        (lambda: nn.LearnedPositionalEncoding(0, 6), "max_length"),
        (lambda: nn.LearnedPositionalEncoding(9, 6)(numbers(2, 5, 6), 5), "up to 4"),
        (lambda: nn.LearnedPositionalEncoding(9, 6)(numbers(2, 5, 6), -1), "offset"),
        (lambda: nn.LearnedPositionalEncoding(9, 6)(numbers(5, 6)), "(5, 6)"),
        (lambda: nn.RotaryPositionalEncoding(5), "head_dim must be even, got 5"),
        (lambda: nn.RotaryPositionalEncoding(-6), "head_dim must be at least 1"),
        (lambda: nn.RotaryPositionalEncoding(6, base=0.0), "base"),
        (lambda: nn.RotaryPositionalEncoding(6, base=math.inf), "base"),
        (lambda: nn.RotaryPositionalEncoding(6)(numbers(6)), "(6,)"),
        (lambda: nn.RotaryPositionalEncoding(6)(numbers(5, 4)), "(5, 4)"),
        (lambda: nn.RotaryPositionalEncoding(6)(numbers(5, 6), -2), "offset"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_other_types_are_refused_in_words():
    with pytest.raises(TypeError, match="floating-point"):
        nn.RotaryPositionalEncoding(6)(torch.ones(5, 6).long())
    with pytest.raises(TypeError, match=r"float32, but its input is torch\.float64"):
        nn.LearnedPositionalEncoding(9, 6)(numbers(2, 5, 6))
