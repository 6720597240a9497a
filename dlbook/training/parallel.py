"""Share one training run among processes, each of which takes a part of every batch.

Data parallelism: all processes hold the same weights, each computes the gradient of its
part, and the mean of the gradients is that of the whole batch (Li et al., 2020, §2.2).
``torchrun --nproc-per-node 2 -m dlbook train RECIPE`` starts them. Without it there is
one process, and nothing here does anything.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist

from dlbook import nn


@contextmanager
def processes() -> Iterator[int]:
    """Join the processes that torchrun started, if it did, and leave them at the end.

    They talk by NCCL if each has a GPU, else by Gloo.

    Yields:
        This process's number, from 0 on.

    Raises:
        RuntimeError: If the others cannot be reached.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield 0
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield rank()
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Give this process's number, from 0 on."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Count the processes that share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def own_part(length: int) -> tuple[slice, int]:
    """Choose this process's samples of a batch.

    Args:
        length: Samples in the batch.

    Returns:
        Where they are, and how many count. If there are fewer samples than processes,
        some take the first one, so that they can keep step, and count none.
    """
    if rank() >= length:
        return slice(0, 1), 0
    own = range(rank(), length, world_size())
    return slice(own.start, own.stop, own.step), len(own)


def sums(values: Sequence[float], device: torch.device) -> list[float]:
    """Add up numbers over all processes.

    Args:
        values: This process's; all have equally many.
        device: Where the processes exchange tensors.

    Returns:
        The same sums in every process.
    """
    if world_size() == 1:
        return list(values)
    total = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return [float(value) for value in total]


def average_gradients(parameters: Sequence[nn.Parameter], share: float) -> None:
    """Replace gradients of parts of a batch by that of the whole batch.

    Args:
        parameters: The same ones in every process, each with a gradient.
        share: This process's samples over all samples of the batch.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if world_size() == 1 or not gradients:
        return
    total = torch.cat([gradient.flatten() for gradient in gradients]) * share
    dist.all_reduce(total)
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, part in zip(gradients, total.split(sizes), strict=True):
        gradient.copy_(part.view_as(gradient))


def start_alike(model: nn.Module) -> None:
    """Give all processes the first one's weights, and each its own chance.

    Otherwise dropout would silence the same elements in every process.

    Args:
        model: On its device.
    """
    if world_size() == 1:
        return
    for tensor in (*model.parameters(), *model.buffers()):
        dist.broadcast(tensor.detach(), 0)
    if rank() > 0:
        torch.manual_seed(torch.initial_seed() + rank())


def gathered(value: Any) -> list[Any]:
    """Collect a value of every process, in the order of their numbers."""
    values = [value] * world_size()
    if world_size() > 1:
        dist.all_gather_object(values, value)
    return values


def wait() -> None:
    """Go on only when every process has come here."""
    if world_size() > 1:
        dist.barrier()
