"""Parameters, and gradients to let an optimizer follow."""

import functools

import torch
from torch.testing import assert_close

from tests.cases import MATRICES_ONLY, numbers

_noise = functools.cache(lambda shape, seed: numbers(*shape, seed=seed))


def parameters(dtype=torch.float64, name="SGD"):
    """Three parameters of different shapes, such as the named optimizer takes."""
    shapes = [(3, 5), (4, 2), (3, 3)] if name in MATRICES_ONLY else [(3,), (2, 4), ()]
    drawn = [numbers(*shape, seed=sum(shape)) for shape in shapes]
    return [torch.nn.Parameter(number.to(dtype)) for number in drawn]


def descend(optimizer, steps, first=0):
    """Follow gradients that depend on the parameters, and on the step."""
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for step in range(first, first + steps):
        optimizer.zero_grad()
        for number, p in enumerate(params):
            if (step + number) % 5:  # every fifth time a parameter has no gradient
                noise = _noise(p.shape, step).to(p.dtype)
                p.grad = (p.cos() * noise + 0.2 * p).detach()
        optimizer.step()
    return params


def assert_same(ours, theirs, rtol=1e-10, atol=1e-12):
    """Compare the parameters of two optimizers, and what these remember of each."""
    mine = [p for group in ours.param_groups for p in group["params"]]
    other = [p for group in theirs.param_groups for p in group["params"]]
    assert_close(mine, other, rtol=rtol, atol=atol)
    for a, b in zip(mine, other, strict=True):
        state, expected = ours.state.get(a, {}), theirs.state.get(b, {})
        assert_close(dict(state), dict(expected), rtol=rtol, atol=atol)
