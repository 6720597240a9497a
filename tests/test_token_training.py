"""Training on several inputs, and losses of tokens."""

import math

import pytest
import torch

from dlbook import nn, optim
from dlbook.runtime import generator
from dlbook.training import evaluate, fit, token_accuracy, token_loss


@pytest.fixture(autouse=True)
def on_the_cpu_and_quiet(monkeypatch):
    monkeypatch.setenv("DLBOOK_DEVICE", "cpu")
    monkeypatch.setenv("TQDM_DISABLE", "1")


class Difference(nn.Module):
    """Map two inputs of different sizes to one number."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = nn.Linear(3, 1), nn.Linear(2, 1)

    def forward(self, left, right):
        return self.left(left) - self.right(right)


class Joined(Difference):
    """The same network for both inputs in one tensor."""

    def forward(self, both):
        return super().forward(both[:, :3], both[:, 3:])


def trained(model, inputs, targets, **options):
    history = fit(
        model,
        (inputs, targets),
        (inputs, targets),
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        epochs=3,
        loss=nn.MSELoss(),
        metric=None,
        batch_size=4,
        **options,
    )
    return [parameter.tolist() for parameter in model.parameters()], history


def samples():
    draw = generator(1)
    left, right = torch.randn(10, 3, generator=draw), torch.randn(10, 2, generator=draw)
    return left, right, torch.randn(10, 1, generator=draw)


def test_two_inputs_train_as_the_same_inputs_in_one_tensor():
    left, right, targets = samples()
    two, history = trained(Difference(), (left, right), targets)
    one, expected = trained(Joined(), torch.cat([left, right], 1), targets)
    assert two == one
    assert history.train_loss == expected.train_loss
    assert history.validation_loss == expected.validation_loss
    assert history.train_loss[-1] < history.train_loss[0]


def test_batches_do_not_change_what_is_measured_on_two_inputs():
    left, right, targets = samples()
    results = {
        round(
            evaluate(
                Difference(),
                ((left, right), targets),
                loss=nn.MSELoss(),
                metric=None,
                batch_size=size,
            ).loss,
            6,
        )
        for size in (1, 3, 10)
    }
    assert len(results) == 1


@pytest.mark.parametrize("lengths", [(9, 10, 10), (10, 9, 10), (10, 10, 9)])
def test_inputs_of_different_lengths_are_refused(lengths):
    left, right, targets = (
        part[:n] for part, n in zip(samples(), lengths, strict=True)
    )
    message = f"got {lengths[0]} and {lengths[1]} inputs and {lengths[2]} targets"
    with pytest.raises(ValueError, match=message):
        trained(Difference(), (left, right), targets)


@pytest.mark.parametrize("name", ["augment", "augment_pair"])
def test_several_inputs_cannot_be_augmented(name):
    left, right, targets = samples()
    with pytest.raises(ValueError, match="one tensor, got a tuple of 2"):
        trained(Difference(), (left, right), targets, **{name: lambda *given: given})


def scores():
    outputs = torch.full((2, 3, 4), 0.0)
    outputs[0, 0, 1] = outputs[0, 1, 2] = outputs[1, 0, 3] = 2.0
    return outputs, torch.tensor([[1, 3, -100], [3, -100, -100]])


def test_only_real_tokens_count():
    outputs, targets = scores()
    right = 2 - math.log(math.exp(2) + 3)
    wrong = -math.log(math.exp(2) + 3)
    assert token_loss(outputs, targets).item() == pytest.approx(
        -(2 * right + wrong) / 3
    )
    assert token_accuracy(outputs, targets) == pytest.approx(2 / 3)


@pytest.mark.parametrize("measure", [token_loss, token_accuracy])
def test_scores_without_a_place_for_each_token_are_refused(measure):
    outputs, targets = scores()
    with pytest.raises(ValueError, match=r"got \(2, 3, 4\) and \(2, 2\)"):
        measure(outputs, targets[:, :2])
