"""Players that move by turns: whose weights move, when, and how a game is resumed."""

import math

import pytest
import torch

from dlbook import nn, optim
from dlbook.runtime import generator
from dlbook.training import Checkpoint, CheckpointError, Player, fit_alternating


class Game(nn.Module):
    """Two numbers: one is drawn to the batch's mean, the other to the first."""

    def __init__(self):
        super().__init__()
        self.leader = nn.Parameter(torch.zeros(()))
        self.follower = nn.Parameter(torch.zeros(()))
        self.log = []

    def lead(self, batch, draws):
        self.log.append("lead")
        noise = torch.randn((), generator=draws)
        return (self.leader - batch.mean() + 0.1 * noise).square()

    def follow(self, batch, draws):
        self.log.append("follow")
        return (self.follower - self.leader).square()


def samples(count=20):
    return torch.randn(count, generator=generator(0)) + 5


def play(game, epochs=6, steps=(1, 1), checkpoint=None, lr=0.2, **options):
    players = [
        Player("leader", optim.SGD([game.leader], lr, 0.5), game.lead, steps[0]),
        Player("follower", optim.Adam([game.follower], lr), game.follow, steps[1]),
    ]
    return fit_alternating(
        game,
        samples(),
        players,
        epochs=epochs,
        batch_size=6,
        checkpoint=checkpoint,
        device="cpu",
        progress=False,
        **options,
    )


def test_each_player_moves_its_own_weights_in_turn():
    game = Game()
    history = play(game, epochs=20, steps=(2, 1))
    assert game.log[:6] == ["lead", "lead", "follow"] * 2
    assert len(game.log) == 20 * 3 * 3  # 20 epochs of 3 whole batches
    assert game.leader.item() == pytest.approx(samples().mean().item(), abs=0.3)
    assert game.follower.item() == pytest.approx(game.leader.item(), abs=0.5)
    assert len(history["leader"]) == len(history["follower"]) == 20
    assert history["leader"][-1] < history["leader"][0]


def test_a_players_gradient_does_not_reach_the_others_next_step():
    game = Game()
    play(game, epochs=1, lr=0.0)
    assert game.leader.item() == game.follower.item() == 0


def test_the_history_is_the_mean_over_turns_and_steps():
    game, values = Game(), []

    def lead(batch, draws):
        loss = (game.leader - batch.mean()).square()
        values.append(loss.item())
        return loss

    player = Player("only", optim.SGD([game.leader], 0.1), lead, 2)
    batches = {"epochs": 2, "batch_size": 6, "device": "cpu", "progress": False}
    history = fit_alternating(game, samples(), [player], **batches)
    expected = [sum(values[:6]) / 6, sum(values[6:]) / 6]
    assert history["only"] == pytest.approx(expected)


def test_several_inputs_stay_together():
    first, second = torch.arange(8.0), torch.arange(8.0) * 10
    seen = []

    def look(batch, draws):
        seen.append(batch)
        return game.leader.square()

    game = Game()
    player = Player("only", optim.SGD([game.leader], 0.1), look)
    options = {"epochs": 1, "batch_size": 4, "device": "cpu", "progress": False}
    fit_alternating(game, (first, second), [player], **options)
    assert all(torch.equal(b, 10 * a) for a, b in seen)
    assert sorted(torch.cat([a for a, _ in seen]).tolist()) == first.tolist()


def test_a_resumed_game_ends_as_one_that_went_on(tmp_path):
    whole = Game()
    expected = play(whole, 6)
    path = tmp_path / "game"
    play(Game(), 4, checkpoint=Checkpoint(path))
    resumed = Game()
    history = play(resumed, 6, checkpoint=Checkpoint(path, resume=True))
    assert history == expected
    assert resumed.leader.item() == whole.leader.item()
    assert resumed.follower.item() == whole.follower.item()
    assert len(resumed.log) == 2 * 3 * 2


def test_another_game_is_not_resumed(tmp_path):
    path = tmp_path / "game"
    play(Game(), 2, checkpoint=Checkpoint(path))
    with pytest.raises(CheckpointError, match="seed"):
        play(Game(), 4, checkpoint=Checkpoint(path, resume=True), seed=1)


def test_the_seed_decides_the_order_and_the_draws():
    ends = []
    for seed in (0, 0, 1):
        game = Game()
        play(game, 2, seed=seed)
        ends.append(game.leader.item())
    assert ends[0] == ends[1] != ends[2]


def test_a_loss_that_is_no_number_is_named():
    game = Game()
    player = Player(
        "lost", optim.SGD([game.leader], 0.1), lambda *_: game.leader + math.nan
    )
    options = {"epochs": 1, "device": "cpu", "progress": False, "batch_size": 4}
    with pytest.raises(FloatingPointError, match="loss of lost became nan in epoch 1"):
        fit_alternating(game, samples(), [player], **options)


@pytest.mark.parametrize(
    ("players", "message"),
    [
        (lambda game: [], "got \\[\\]"),
        (lambda game: 2 * [Player("a", optim.SGD([game.leader], 1), game.lead)], "a"),
        (
            lambda game: [Player("a", optim.SGD([Game().leader], 1), game.lead)],
            "1 parameters of a are not the model's",
        ),
        (
            lambda game: [
                Player(name, optim.SGD([game.leader], 1), game.lead) for name in "ab"
            ],
            "more than one",
        ),
        (lambda game: [Player("a", optim.SGD([game.leader], 1), game.lead, 0)], "a"),
    ],
)
def test_players_that_do_not_fit_are_refused(players, message):
    game = Game()
    options = {"epochs": 1, "device": "cpu", "progress": False, "batch_size": 4}
    with pytest.raises(ValueError, match=message):
        fit_alternating(game, samples(), players(game), **options)


@pytest.mark.parametrize("batch_size", [0, 21])
def test_batches_must_be_filled(batch_size):
    game = Game()
    player = Player("a", optim.SGD([game.leader], 1), game.lead)
    with pytest.raises(ValueError, match="batch_size"):
        fit_alternating(game, samples(), [player], epochs=1, batch_size=batch_size)
