"""The perceptron learns what a line separates, in as few mistakes as promised."""

import math

import pytest
import torch
from sklearn.linear_model import Perceptron as Reference
from torch.testing import assert_close

from dlbook.models import Perceptron
from tests.cases import numbers


def separable(seed, count=60, features=3, margin=0.1):
    """Draw points at least a margin away from a line; give that line too."""
    line = numbers(features + 1, seed=seed + 100)
    line = line / line.norm()
    points = numbers(count * 3, features, seed=seed)
    distance = points @ line[:-1] + line[-1]
    far = distance.abs() >= margin
    points, distance = points[far][:count], distance[far][:count]
    return points, (distance > 0).long(), distance.abs().min().item()


@pytest.mark.parametrize("seed", range(8))
def test_the_number_of_mistakes_stays_below_novikoffs_bound(seed):
    inputs, targets, margin = separable(seed)
    radius = math.sqrt(inputs.square().sum(1).max().item() + 1)
    model, mistakes = Perceptron(3).double(), 0
    while made := model.fit_epoch(inputs, targets):
        mistakes += made
        assert mistakes <= (radius / margin) ** 2
    assert mistakes > 0
    assert torch.equal(model.predict(inputs), targets)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("epochs", [1, 5])
@pytest.mark.parametrize("cut", [math.inf, 1.0], ids=["separable", "noisy"])
def test_weights_and_predictions_are_scikit_learns(seed, epochs, cut):
    inputs, targets, _ = separable(seed)
    flipped = numbers(len(targets), seed=seed + 9) > cut
    targets = torch.where(flipped, 1 - targets, targets)
    reference = Reference(max_iter=epochs, tol=None, shuffle=False)
    reference.fit(inputs.numpy(), targets.numpy())
    model = Perceptron(3).double()
    for _ in range(epochs):
        model.fit_epoch(inputs, targets)
    assert_close(model.weight.detach(), torch.tensor(reference.coef_[0]))
    assert model.bias.item() == pytest.approx(reference.intercept_.item())
    others = numbers(200, 3, seed=seed + 20)
    expected = torch.tensor(reference.predict(others.numpy()))
    assert torch.equal(model.predict(others), expected)


def test_a_mistake_moves_the_line_by_the_example_and_nothing_else_does():
    model, example = Perceptron(2), torch.tensor([2.0, -1.0])
    assert model.update(example, 0)  # a score of 0 is no decision
    assert model.weight.tolist() == [-2, 1]
    assert model.bias.item() == -1
    assert not model.update(example, 0)
    assert model.weight.tolist() == [-2, 1]
    assert model.update(example, 1)
    assert model.weight.tolist() == [0, 0]
    assert model.bias.item() == 0
    assert model.update(example, torch.tensor(1))
    assert model.weight.tolist() == [2, -1]


def test_scores_and_predictions_keep_the_shape_of_the_examples():
    model = Perceptron(3).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([1.0, 2.0, -1.0]))
        model.bias.fill_(0.5)
    inputs = numbers(4, 2, 3)
    expected = inputs[..., 0] + 2 * inputs[..., 1] - inputs[..., 2] + 0.5
    assert_close(model(inputs), expected)
    assert model.predict(inputs).dtype == torch.int64
    assert torch.equal(model.predict(inputs), (expected > 0).long())
    assert Perceptron(3).predict(torch.zeros(3)) == 0


def test_exclusive_or_is_never_learned():
    inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    targets = torch.tensor([0, 1, 1, 0])
    model = Perceptron(2)
    assert min(model.fit_epoch(inputs, targets) for _ in range(50)) > 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: Perceptron(0), ValueError, "in_features must be at least 1, got 0"),
        (lambda p: p(torch.zeros(4, 2)), ValueError, r"\(\.\.\., 3\), got \(4, 2\)"),
        (lambda p: p(torch.zeros(3).double()), TypeError, "input is torch.float64"),
        (lambda p: p.update(torch.zeros(1, 3), 0), ValueError, r"\(3,\).*got \(1, 3\)"),
        (lambda p: p.update(torch.zeros(3), -1), ValueError, "class 0 or 1.*and -1"),
        (lambda p: p.update(torch.zeros(3), 0.5), ValueError, "class 0 or 1.*and 0.5"),
        (
            lambda p: p.fit_epoch(torch.zeros(2, 3), torch.tensor([0])),
            ValueError,
            r"a class for each, got \(2, 3\) and \(1,\)",
        ),
        (
            lambda p: p.fit_epoch(torch.zeros(2, 3), torch.tensor([0.0, 1.0])),
            TypeError,
            "int64 classes, got torch.float32",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call(Perceptron(3))


def test_a_score_that_is_no_number_is_refused_and_not_counted_as_right():
    model = Perceptron(2)
    inputs = torch.tensor([[1.0, torch.nan]])
    with pytest.raises(FloatingPointError, match="is NaN"):
        model.fit_epoch(inputs, torch.tensor([1]))
    assert not model.weight.any()
