"""Seeds make runs repeatable; devices are chosen or refused in words."""

import random

import numpy as np
import pytest
import torch

from dlbook import runtime


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_equal_seeds_give_equal_draws_from_python_numpy_and_torch():
    runtime.seed_everything(3)
    first = draw()
    runtime.seed_everything(3)
    assert draw() == first
    runtime.seed_everything(4)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_seeding_asks_for_deterministic_algorithms():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    runtime.seed_everything(0)
    assert torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before)


@pytest.mark.parametrize("seed", [1.5, "0", None, True])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(TypeError, match="integer"):
        runtime.seed_everything(seed)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=str(seed)):
        runtime.seed_everything(seed)


def test_the_environment_chooses_the_device(monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "cpu")
    assert runtime.device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cpu:7", "meta"])
def test_a_device_that_is_not_here_is_refused_with_the_ones_that_are(monkeypatch, name):
    monkeypatch.setenv("DLBOOK_DEVICE", name)
    with pytest.raises(ValueError, match=rf"{name}.*expected one of: .*cpu"):
        runtime.device()


def test_cuda_comes_before_the_cpu_when_there_is_one(monkeypatch):
    monkeypatch.delenv("DLBOOK_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert runtime.device() == torch.device("cuda")


def test_a_generator_draws_its_own_sequence_whatever_the_global_state():
    first = torch.rand(4, generator=runtime.generator(5))
    torch.rand(9)
    assert torch.equal(first, torch.rand(4, generator=runtime.generator(5)))


def test_evaluation_mode_is_left_as_it_was_found_even_after_an_error():
    model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(2, 3))
    model[1].eval()

    def fail_within():
        with runtime.evaluation_mode(model):
            assert not any(module.training for module in model.modules())
            assert not model(torch.ones(1, 2)).requires_grad
            raise KeyError

    with pytest.raises(KeyError):
        fail_within()
    assert [module.training for module in model.modules()] == [True, True, False]
    assert model(torch.ones(1, 2)).requires_grad
