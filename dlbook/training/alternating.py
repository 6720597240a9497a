"""Train several players by turns, each with its own loss and its own optimizer."""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from dlbook import nn, optim, runtime
from dlbook.training.checkpoint import Checkpoint
from dlbook.training.metrics import check_count
from dlbook.training.run import progress_bar
from dlbook.training.samples import Inputs, moved_inputs, parts_of, picked

PlayerLoss = Callable[[Inputs, torch.Generator], Tensor]
"""Of a batch, and a generator for all that is drawn: what a player minimizes."""


@dataclass(frozen=True)
class Player:
    """One side of a game.

    Attributes:
        name: What the history calls it.
        optimizer: Of its own parameters.
        loss: What it minimizes. Gradients that reach the others' parameters are
            dropped.
        steps: How often it moves, on one batch each time, before the next player's
            turn.
    """

    name: str
    optimizer: Optimizer
    loss: PlayerLoss
    steps: int = 1


def fit_alternating(
    model: nn.Module,
    samples: Inputs,
    players: Sequence[Player],
    *,
    epochs: int,
    batch_size: int = 64,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> dict[str, list[float]]:
    """Let players move by turns: for each batch, each player takes its steps.

    All moves of a turn see the same batch. A run that is resumed from its checkpoint,
    written after every epoch, ends with the weights it would have had.

    Args:
        model: Holds all networks; moved to ``device``, left in training mode.
        samples: ``(n, ...)``, or a tuple of such tensors; the last batch of an epoch is
            left out if it is smaller, since batch statistics of few samples disturb.
        players: In the order of their turns.
        epochs: How often to go through the samples, those before an interruption
            included.
        batch_size: Samples a turn, at most all.
        checkpoint: Where to save the run, and whether to go on from there;
            ``every_steps`` has no effect.
        seed: Of the order of the samples and of the generator that losses get.
        device: Default :func:`dlbook.runtime.device`.
        progress: Show a progress bar.

    Returns:
        Each player's mean loss in every epoch, by its name.

    Raises:
        ValueError: If an argument is out of range, two players share a name or
            parameters, or one holds parameters that are not the model's.
        TypeError: If ``epochs`` or ``batch_size`` is not an integer.
        FloatingPointError: If a loss is infinite or NaN.
        CheckpointError: If the checkpoint is damaged or belongs to another run.
    """
    check_count("epochs", epochs)
    count = len(parts_of(samples)[0])
    check_count("batch_size", batch_size)
    if batch_size > count:
        raise ValueError(f"batch_size must be at most {count}, got {batch_size}")
    _check_players(model, players)
    place = torch.device(device or runtime.device())
    samples = moved_inputs(samples, place)
    game = _Game(model.to(place), players, seed, place, batch_size)
    game.resume(checkpoint, count)
    shuffle = runtime.generator(seed)
    orders = (torch.randperm(count, generator=shuffle) for _ in itertools.count())
    steps = count // batch_size
    with progress_bar(epochs * steps, game.epochs * steps, progress) as bar:
        for order in itertools.islice(orders, game.epochs, epochs):
            started = time.perf_counter()
            for batch in order.to(place).split(batch_size)[:steps]:
                game.turn(picked(samples, batch))
                bar.update()
            game.end_epoch(steps, time.perf_counter() - started)
            game.save(checkpoint, count)
    return game.history


class _Game:
    """A game under way."""

    def __init__(
        self,
        model: nn.Module,
        players: Sequence[Player],
        seed: int,
        device: torch.device,
        batch_size: int,
    ) -> None:
        self.model = model.train()
        self.players = players
        self.draws = runtime.generator(seed + 1, device)
        self.optimizer = optim.Combined([player.optimizer for player in players])
        self.history: dict[str, list[float]] = {p.name: [] for p in players}
        self.sums = dict.fromkeys(self.history, 0.0)
        self.seconds: list[float] = []
        self.settings = {
            "players": str([(p.name, p.steps) for p in players]),
            "options": str(self.optimizer.state_dict()["param_groups"]),
            "seed": seed,
            "batch_size": batch_size,
        }

    @property
    def epochs(self) -> int:
        return len(self.seconds)

    def turn(self, batch: Inputs) -> None:
        """Let every player move."""
        for player in self.players:
            for _ in range(player.steps):
                self.optimizer.zero_grad()
                loss = player.loss(batch, self.draws)
                value = loss.item()
                if not math.isfinite(value):
                    raise FloatingPointError(
                        f"the loss of {player.name} became {value} in epoch "
                        f"{self.epochs + 1}"
                    )
                loss.backward()
                player.optimizer.step()
                self.sums[player.name] += value / player.steps

    def end_epoch(self, steps: int, seconds: float) -> None:
        """Write the means of the epoch down."""
        for name, total in self.sums.items():
            self.history[name].append(total / steps)
        self.sums = dict.fromkeys(self.history, 0.0)
        self.seconds.append(seconds)

    def save(self, checkpoint: Checkpoint | None, count: int) -> None:
        """Save the game after an epoch, if that is wanted."""
        if checkpoint is None:
            return
        progress = {
            "history": self.history,
            "seconds": self.seconds,
            "draws": self.draws.get_state(),
        }
        settings = self._settings(checkpoint, count)
        checkpoint.save(settings, progress, self.model, self.optimizer, None)

    def resume(self, checkpoint: Checkpoint | None, count: int) -> None:
        """Go on from a saved game, if there is one and that is wanted."""
        if checkpoint is None:
            return
        settings = self._settings(checkpoint, count)
        state = checkpoint.read(settings, self.model)
        if state is None:
            return
        checkpoint.restore(state, self.model, self.optimizer, None)
        progress = state["progress"]
        self.history, self.seconds = progress["history"], progress["seconds"]
        self.draws.set_state(progress["draws"])

    def _settings(self, checkpoint: Checkpoint, count: int) -> dict[str, object]:
        experiment = checkpoint.experiment
        return {**self.settings, "samples": count, "experiment": experiment}


def _check_players(model: nn.Module, players: Sequence[Player]) -> None:
    names = [player.name for player in players]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected players with names of their own, got {names}")
    own = set(model.parameters())
    for player in players:
        check_count(f"steps of {player.name}", player.steps)
        for group in player.optimizer.param_groups:
            if foreign := [p for p in group["params"] if p not in own]:
                raise ValueError(
                    f"{len(foreign)} parameters of {player.name} are not the model's"
                )
