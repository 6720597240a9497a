"""The part that the recipes share: one plan of training, then one look at the test."""

import math
import time
from dataclasses import dataclass
from typing import Literal

from torch.optim.lr_scheduler import LRScheduler

from dlbook import nn, optim, training
from dlbook.data import LabelledImages
from dlbook.optim.lr_scheduler import OneCycleLR
from dlbook.recipes.recipe import Outcome
from dlbook.training import Checkpoint
from dlbook.training.run import Augment


@dataclass(frozen=True)
class TrainingPlan:
    """Stochastic gradient descent on cross-entropy, for a fixed number of epochs.

    Attributes:
        epochs: How often to go through the training set.
        batch_size: Samples a step.
        learning_rate: The only one, or the peak of the cycle.
        schedule: ``"one-cycle"`` climbs to the peak in the first fifth of the steps and
            falls to almost zero along a cosine (Smith & Topin, 2019, without their
            cycle of the momentum).
        momentum: Nesterov's, if not zero.
        weight_decay: As in :class:`dlbook.optim.SGD`.
        label_smoothing: As in :class:`dlbook.nn.CrossEntropyLoss`.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["constant", "one-cycle"] = "one-cycle"
    momentum: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0

    def run(
        self,
        model: nn.Module,
        images: LabelledImages,
        seed: int,
        checkpoint: Checkpoint | None,
        progress: bool,
        augment: Augment | None = None,
    ) -> Outcome:
        """Train on all training images, then look at the test images once.

        Args:
            model: On its device.
            images: What to learn and to be tested on.
            seed: Of the order of the images and of ``augment``.
            checkpoint: Where to save the run.
            progress: Show a progress bar.
            augment: Changes each training batch.

        Returns:
            What was reached.
        """
        optimizer = optim.SGD(
            model.parameters(),
            lr=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.momentum > 0,
        )
        history = training.fit(
            model,
            images.train,
            optimizer=optimizer,
            epochs=self.epochs,
            loss=nn.CrossEntropyLoss(label_smoothing=self.label_smoothing),
            batch_size=self.batch_size,
            augment=augment,
            scheduler=self._scheduler(optimizer, len(images.train[0])),
            schedule_each="step",
            checkpoint=checkpoint,
            seed=seed,
            progress=progress,
        )
        start = time.perf_counter()
        test = training.evaluate(model, images.test)
        seconds = sum(history.seconds) + time.perf_counter() - start
        return Outcome(seed, test.metric, history.train_metric[-1], seconds)

    def _scheduler(self, optimizer: optim.SGD, samples: int) -> LRScheduler | None:
        if self.schedule == "constant":
            return None
        return OneCycleLR(
            optimizer,
            self.learning_rate,
            total_steps=self.epochs * math.ceil(samples / self.batch_size),
            pct_start=0.2,
            cycle_momentum=False,
        )
