"""Looking vectors up: what they equal, what gets a gradient, what is refused."""

import inspect

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import numbers


def test_it_equals_a_linear_map_of_one_hot_vectors():
    layer, words = nn.Embedding(5, 3).double(), torch.tensor([[0, 4], [2, 2]])
    one_hot = torch.eye(5, dtype=torch.float64)[words]
    assert_close(layer(words), one_hot @ layer.weight, rtol=0, atol=0)


def test_a_vector_gathers_the_gradients_of_all_its_uses():
    layer = nn.Embedding(4, 2)
    layer(torch.tensor([1, 3, 1, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[0, 0], [3, 3], [0, 0], [1, 1]]


@pytest.mark.parametrize("padding_idx", [1, -3])
def test_padding_is_zero_at_first_and_never_learns(padding_idx):
    layer = nn.Embedding(4, 2, padding_idx=padding_idx)
    assert layer.padding_idx == 1
    assert layer.weight[1].tolist() == [0, 0]
    assert layer.weight[[0, 2, 3]].abs().min() > 0
    with torch.no_grad():
        layer.weight[1] = 5.0
    output = layer(torch.tensor([1, 2]))
    assert output[0].tolist() == [5, 5]
    output.sum().backward()
    assert layer.weight.grad.tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]
    layer.reset_parameters()
    assert layer.weight[1].tolist() == [0, 0]


@pytest.mark.parametrize("freeze", [True, False])
def test_given_vectors_are_shared_and_kept(freeze):
    vectors = numbers(4, 3)
    for source in (nn, torch.nn):
        layer = source.Embedding.from_pretrained(vectors, freeze, padding_idx=2)
        assert layer.weight.data_ptr() == vectors.data_ptr()
        assert layer.weight.requires_grad is not freeze
        assert layer.weight[2].abs().min() > 0
        assert (layer.num_embeddings, layer.embedding_dim) == (4, 3)
        assert layer.padding_idx == 2
    assert nn.Embedding(4, 3, _freeze=freeze).weight.requires_grad is not freeze
    twin = nn.to_torch(nn.Embedding.from_pretrained(vectors, freeze))
    assert twin.weight.requires_grad is not freeze


def test_given_vectors_are_asked_for_as_in_torch():
    ours, theirs = (
        [(p.name, p.default) for p in inspect.signature(f).parameters.values()]
        for f in (nn.Embedding.from_pretrained, torch.nn.Embedding.from_pretrained)
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"max_norm": 1.0}, NotImplementedError, "max_norm.*got 1.0"),
        ({"norm_type": 1.0}, NotImplementedError, "norm_type.*got None, 1.0"),
        ({"scale_grad_by_freq": True}, NotImplementedError, "scale_grad_by_freq.*True"),
        ({"sparse": True}, NotImplementedError, "sparse.*True"),
        ({"padding_idx": 4}, ValueError, "padding_idx must lie in -4 … 3, got 4"),
        ({"padding_idx": -5}, ValueError, "padding_idx must lie in -4 … 3, got -5"),
        ({"padding_idx": 1.0}, TypeError, "padding_idx must be an integer"),
        ({"_weight": torch.ones(3, 4)}, ValueError, r"\(4, 3\), got \(3, 4\)"),
    ],
)
def test_arguments_are_refused_in_words(arguments, error, words):
    with pytest.raises(error, match=words):
        nn.Embedding(4, 3, **arguments)


def test_sizes_and_given_vectors_are_checked():
    with pytest.raises(ValueError, match="num_embeddings must be at least 1, got 0"):
        nn.Embedding(0, 3)
    with pytest.raises(TypeError, match="embedding_dim must be an integer"):
        nn.Embedding(3, 2.5)
    with pytest.raises(
        ValueError, match=r"\(num_embeddings, embedding_dim\), got \(3,"
    ):
        nn.Embedding.from_pretrained(torch.ones(3))
    with pytest.raises(TypeError, match="a tensor as embeddings, got list"):
        nn.Embedding.from_pretrained([[1.0]])
    with pytest.raises(NotImplementedError, match="max_norm"):
        nn.Embedding.from_pretrained(torch.ones(3, 2), max_norm=1.0)


@pytest.mark.parametrize("number", [-1, 4])
def test_numbers_without_a_vector_are_refused(number):
    with pytest.raises(ValueError, match=f"Embedding knows 0 … 3, got {number}"):
        nn.Embedding(4, 3)(torch.tensor([[0, 3], [number, 2]]))


def test_other_types_and_devices_are_refused():
    layer = nn.Embedding(4, 3)
    for dtype in (torch.float32, torch.uint8, torch.int16, torch.bool):
        with pytest.raises(TypeError, match=f"int64 or torch.int32, got {dtype}"):
            layer(torch.zeros(2, dtype=dtype))
    with pytest.raises(TypeError, match="Embedding needs a tensor as input, got list"):
        layer([0, 1])
    with pytest.raises(ValueError, match="weight is on cpu, but its input on meta"):
        layer(torch.zeros(2, dtype=torch.int64, device="meta"))


def test_it_works_on_the_meta_device_and_in_another_type():
    layer = nn.Embedding(4, 3, padding_idx=0, device="meta", dtype=torch.bfloat16)
    output = layer(torch.zeros(2, dtype=torch.int64, device="meta"))
    assert (output.shape, output.dtype) == ((2, 3), torch.bfloat16)
