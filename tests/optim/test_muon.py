"""Muon: matrices only, steps of equal length in all directions."""

import pytest
import torch
from torch.testing import assert_close

from dlbook import optim
from dlbook.optim.muon import orthogonalized
from tests.cases import numbers


@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 4)], ids=str)
def test_only_matrices_are_taken(shape):
    p = torch.nn.Parameter(torch.zeros(shape))
    with pytest.raises(ValueError, match="2D parameters"):
        torch.optim.Muon([p])
    with pytest.raises(ValueError, match=r"must be matrices.*train it with AdamW"):
        optim.Muon([p])
    optimizer = optim.Muon([torch.nn.Parameter(torch.zeros(2, 3))])
    with pytest.raises(ValueError, match="must be matrices"):
        optimizer.add_param_group({"params": [p]})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (20, 20)], ids=str)
def test_orthogonalizing_brings_singular_values_near_one_and_keeps_the_vectors(shape):
    left, _, right = torch.linalg.svd(numbers(*shape), full_matrices=False)
    sizes = torch.linspace(0.02, 5, min(shape), dtype=torch.float64)
    x = orthogonalized(left @ sizes.diag() @ right).double()
    inner = left.T @ x @ right.T  # diagonal if the vectors are kept
    assert_close(inner, inner.diagonal().diag(), rtol=0, atol=0.04)
    assert inner.diagonal().min() > 0.6
    assert inner.diagonal().max() < 1.25


def test_a_matrix_of_zeros_stays_one():
    assert torch.equal(
        orthogonalized(torch.zeros(2, 3)), torch.zeros(2, 3, dtype=torch.bfloat16)
    )


def test_in_bfloat16_the_momentum_keeps_its_length_where_torch_loses_it():
    gradient = numbers(3, 5).bfloat16()
    buffers = []
    for source in (optim, torch.optim):
        p = torch.nn.Parameter(torch.zeros(3, 5, dtype=torch.bfloat16))
        p.grad = gradient.clone()
        optimizer = source.Muon([p], momentum=0.5, nesterov=False)
        optimizer.step()
        buffers.append(optimizer.state[p]["momentum_buffer"])
    assert torch.equal(buffers[0], gradient / 2)
    assert_close(buffers[1], gradient / gradient.norm(), rtol=0.02, atol=0)
