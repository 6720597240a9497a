"""A run for several processes: ``torchrun ... distributed_run.py FOLDER MODE``.

Writes the weights of every process. ``MODE`` is "whole", "killed" (all processes die in
the middle, hard) or "resumed".
"""

import json
import os
import sys
from pathlib import Path

import torch

from dlbook import nn, optim, runtime, training
from dlbook.training.parallel import processes, rank

KILL_AT = 9  # of 3 epochs of 5 steps


class Model(nn.Module):
    """A network with dropout, if so wanted, and no batch statistics."""

    def __init__(self, dropout):
        super().__init__()
        self.hidden, self.out = nn.Linear(4, 8), nn.Linear(8, 3)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.out(self.dropout(self.hidden(x).tanh()))


def samples():
    draw = runtime.generator(3)
    inputs = torch.randn(33, 4, generator=draw, dtype=torch.float64)
    return inputs, inputs.argmax(1).clamp(max=2)  # batches of 8, the last of one sample


def train(checkpoint=None, dropout=0.0, report=None):
    torch.manual_seed(10 * rank())  # the first process's weights count
    model = Model(dropout).double()
    steps = iter(range(100))

    def augment(inputs, generator):
        if report:
            report(next(steps))
        noise = torch.randn(inputs.shape, generator=generator, dtype=inputs.dtype)
        return inputs + 0.1 * noise

    history = training.fit(
        model,
        samples(),
        samples(),
        optimizer=optim.Adam(model.parameters(), lr=0.05),
        epochs=3,
        batch_size=8,
        augment=augment,
        max_grad_norm=0.5,
        checkpoint=checkpoint,
        device="cpu",
        progress=False,
    )
    weights = [parameter.tolist() for parameter in model.parameters()]
    return {"weights": weights, "loss": history.train_loss, "all": vars(history)}


def main(folder, mode):
    path = Path(folder)
    checkpoint = training.Checkpoint(path / "run", 2, resume=mode == "resumed")

    def die(step):
        if mode == "killed" and step == KILL_AT:
            os._exit(1)

    with processes() as number:
        plain = train() if mode == "whole" else None
        saved = train(checkpoint, dropout=0.3, report=die)
        result = {"plain": plain, "saved": saved}
        (path / f"{mode}-{number}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
