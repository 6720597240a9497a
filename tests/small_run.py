"""A small training run with everything in it that can be forgotten when resuming."""

import os
import signal
from pathlib import Path

import torch

from dlbook import nn, optim, runtime, training

EPOCHS, BATCHES = 9, 16


class Model(nn.Module):
    """Channels-last convolution, batch statistics, dropout, and a shared weight."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 6, 3), torch.nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.3)
        )
        self.inner = nn.Linear(24, 24)
        self.tied = nn.Linear(24, 24)
        self.tied.weight = self.inner.weight
        self.last = nn.Linear(24, 3)

    def forward(self, images):
        hidden = self.features(images).flatten(1)
        return self.last(torch.relu(self.tied(torch.relu(self.inner(hidden)))))


def samples(count, seed):
    draw = runtime.generator(seed)
    images = torch.randn(count, 2, 4, 4, generator=draw)
    return images, (images.mean(dim=(1, 2, 3)) * 8).round().clamp(-1, 1).long() + 1


def train(path, report=None, resume=True, every_steps=1, epochs=EPOCHS, **changes):
    """Train from the start, or from the checkpoint; ``report`` hears of every step."""
    torch.manual_seed(0)
    model = Model().to(memory_format=torch.channels_last)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=EPOCHS * BATCHES
    )

    def augment(images, generator):
        if report:
            report()
        shift = torch.randint(-1, 2, (), generator=generator).item()
        return images.roll(shift, dims=3) + 0.1 * torch.randn_like(images)

    arguments = {
        "optimizer": optimizer,
        "epochs": epochs,
        "batch_size": 16,
        "augment": augment,
        "scheduler": schedule,
        "schedule_each": "step",
        "max_grad_norm": 1.0,
        "early_stopping": training.EarlyStopping(patience=5),
        "device": "cpu",
        "progress": False,
    }
    if path is not None:
        arguments["checkpoint"] = training.Checkpoint(path, every_steps, resume)
    sets = samples(16 * BATCHES - 5, seed=0), samples(40, seed=1)
    history = training.fit(model, *sets, **(arguments | changes))
    return model, history


def in_a_process(path, connection):
    """Train in a process of its own: a message before every step."""
    torch.set_num_threads(1)
    train(path, report=lambda: connection.send_bytes(b"step"))


def killed_while_writing(path, function):
    """Train in a process of its own, and die in the 20th call of ``os.function``."""
    torch.set_num_threads(1)
    original, calls = getattr(os, function), []

    def call(*arguments):
        calls.append(function)
        if len(calls) == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)

    setattr(os, function, call)
    train(path)


def leftovers(path):
    """Name what lies beside the checkpoint."""
    return sorted(file.name for file in Path(path).parent.iterdir())
