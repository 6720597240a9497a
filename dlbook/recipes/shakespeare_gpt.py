"""Learn to write like Shakespeare, character by character, in minutes on two cores.

Tiny Shakespeare, the first nine tenths to learn from, the last to be judged by, as
nanoGPT splits it. ``shakespeare-gpt-baseline`` has the network and the training that
nanoGPT publishes for a CPU. ``shakespeare-gpt`` has a network of the same size with
rotary positions; Muon for the matrices of its blocks beside AdamW for the rest, larger
batches, fewer steps, and rates that fall to zero.

The validation loss is over all of the last tenth, cut into texts of the length that the
network reads. NanoGPT estimates it from 20 random batches; such estimates of one
network had a standard deviation of 0.013 to 0.018 nats here. That Muon beats AdamW, and
the range of their rates, was found on that text itself, in six runs that ended from
1.61 to 1.87; between two pairs of rates then decided a ninth of the training text, kept
aside.
"""

import math
import time
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor

from dlbook import data, models, nn, optim, runtime, training
from dlbook.recipes.recipe import Outcome, Peer, Recipe
from dlbook.training import Checkpoint


@dataclass(frozen=True)
class Variant:
    """How the network is built and trained.

    Attributes:
        steps: Number of steps.
        batch_size: Texts a step.
        learning_rate: AdamW's highest.
        matrix_learning_rate: Muon's highest, for the matrices of the blocks; None
            leaves them to AdamW.
        weight_decay: Of all matrices that AdamW trains; Muon's is a tenth.
        betas: AdamW's.
        warmup: Steps in which the rates rise in a line.
        last: What the rates fall to along a cosine, as a share of the highest.
        rotary: Turn queries and keys by their positions instead of adding learned ones.
        context: Characters that the network reads at once.
        d_model: Size of the elements.
        num_heads: Number of heads.
        num_layers: Number of blocks.
    """

    steps: int
    batch_size: int
    learning_rate: float
    matrix_learning_rate: float | None
    weight_decay: float
    betas: tuple[float, float]
    warmup: int
    last: float
    rotary: bool
    context: int = 64
    d_model: int = 128
    num_heads: int = 4
    num_layers: int = 4

    def train(
        self, seed: int, checkpoint: Checkpoint | None, progress: bool
    ) -> Outcome:
        """Train on the first nine tenths, and measure the loss on the last.

        Args:
            seed: Of everything random.
            checkpoint: Where to save the run.
            progress: Show a progress bar.

        Returns:
            What was reached.
        """
        runtime.seed_everything(seed)
        text, held_out, characters = texts()
        sizes = (self.d_model, self.num_heads, self.num_layers)
        network = models.GPT(characters, self.context, *sizes, rotary=self.rotary)
        model = nn.to_torch(network.to(runtime.device()))
        optimizer = self.optimizer(model)
        pieces = self.pieces(text)
        history = training.fit(
            model,
            (pieces, pieces),
            optimizer=optimizer,
            epochs=1,
            loss=training.token_loss,
            metric=None,
            batch_size=self.batch_size,
            augment_pair=self.cut,
            scheduler=optim.lr_scheduler.LambdaLR(optimizer, self.share_of_rate),
            schedule_each="step",
            max_grad_norm=1.0,
            checkpoint=checkpoint,
            seed=seed,
            progress=progress,
        )
        start = time.perf_counter()
        count = (len(held_out) - 1) // self.context
        inputs, targets = (
            held_out[first : first + count * self.context].reshape(count, -1)
            for first in (0, 1)
        )
        judged = training.evaluate(
            model, (inputs, targets), loss=training.token_loss, metric=None
        )
        seconds = sum(history.seconds) + time.perf_counter() - start
        return Outcome(seed, judged.loss, history.train_loss[-1], seconds)

    def pieces(self, text: Tensor) -> Tensor:
        """Cut as many long pieces as texts are learned from, evenly spread.

        Args:
            text: Character numbers ``(n,)``.

        Returns:
            ``(steps * batch_size, 2 * context)``.
        """
        length = 2 * self.context
        starts = torch.linspace(0, len(text) - length, self.steps * self.batch_size)
        return text.unfold(0, length, 1)[starts.long()]

    def cut(
        self, pieces: Tensor, _: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Cut a text at a random place of each piece; its targets are one further.

        Args:
            pieces: ``(batch, 2 * context)``.
            generator: Draws.

        Returns:
            Inputs and targets, each ``(batch, context)``.
        """
        shape, device = (len(pieces), 1), pieces.device
        first = torch.randint(self.context, shape, generator=generator, device=device)
        places = first + torch.arange(self.context, device=device)
        return pieces.gather(1, places), pieces.gather(1, places + 1)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Share the parameters among AdamW and, if so wanted, Muon.

        Args:
            model: On its device.

        Returns:
            One optimizer for all of them.
        """
        groups: dict[str, list[nn.Parameter]] = {"block": [], "other": [], "gain": []}
        for name, parameter in model.named_parameters():
            matrix = "block" if name.startswith("blocks") else "other"
            groups[matrix if parameter.ndim > 1 else "gain"].append(parameter)
        adam = partial(optim.AdamW, lr=self.learning_rate, betas=self.betas)
        plain = {"params": groups["gain"], "weight_decay": 0.0}
        decay = self.weight_decay
        if self.matrix_learning_rate is None:
            matrices = groups["block"] + groups["other"]
            decayed = {"params": matrices, "weight_decay": decay}
            return adam([decayed, plain])
        decayed = {"params": groups["other"], "weight_decay": decay}
        muon = optim.Muon(
            groups["block"], lr=self.matrix_learning_rate, weight_decay=decay / 10
        )
        return optim.Combined([muon, adam([decayed, plain])])

    def share_of_rate(self, step: int) -> float:
        """Say which share of the highest rates a step has.

        Args:
            step: From 0 on.

        Returns:
            From 0 to 1.
        """
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        done = min(1.0, (step - self.warmup) / (self.steps - self.warmup))
        return self.last + (1 - self.last) * (1 + math.cos(math.pi * done)) / 2


def texts() -> tuple[Tensor, Tensor, int]:
    """Load Tiny Shakespeare as numbers of its characters, in their sorted order.

    Returns:
        The first nine tenths, the last tenth, and how many characters there are.
    """
    text = data.tiny_shakespeare()
    number = {character: i for i, character in enumerate(sorted(set(text)))}
    numbers = torch.tensor([number[character] for character in text])
    known = int(0.9 * len(numbers))
    return numbers[:known], numbers[known:], len(number)


def published() -> list[Peer]:
    """Give what nanoGPT publishes.

    Returns:
        One peer.
    """
    return [
        Peer(
            "nanoGPT, its settings for a CPU",
            (1.88,),
            "published in its README (https://github.com/karpathy/nanoGPT)",
        )
    ]


BASELINE = Variant(
    steps=2000,
    batch_size=12,
    learning_rate=1e-3,
    matrix_learning_rate=None,
    weight_decay=0.1,
    betas=(0.9, 0.99),
    warmup=100,
    last=0.1,
    rotary=False,
)
FASTER = Variant(
    steps=780,
    batch_size=24,
    learning_rate=3e-3,
    matrix_learning_rate=0.02,
    weight_decay=0.1,
    betas=(0.9, 0.95),
    warmup=40,
    last=0.0,
    rotary=True,
)


def _recipe(name: str, summary: str, variant: Variant) -> Recipe:
    config = {"data": "Tiny Shakespeare, first 0.9 to learn from", **asdict(variant)}
    metric = "validation loss (nats)"
    return Recipe(name, summary, config, variant.train, 3, published, metric)


SHAKESPEARE_GPT = _recipe(
    "shakespeare-gpt", "A small GPT writes like Shakespeare", FASTER
)
SHAKESPEARE_GPT_BASELINE = _recipe(
    "shakespeare-gpt-baseline", "The same as nanoGPT trains it on a CPU", BASELINE
)
