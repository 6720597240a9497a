"""Training a model: the call and its arguments."""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dlbook import nn, runtime
from dlbook.training.checkpoint import Checkpoint
from dlbook.training.history import EarlyStopping, History
from dlbook.training.metrics import Loss, Metric, accuracy, check_count
from dlbook.training.run import PLATEAUS, Augment, AugmentPair, Run
from dlbook.training.samples import Samples, check_samples, moved


def fit(
    model: nn.Module,
    train: Samples,
    validation: Samples | None = None,
    *,
    optimizer: Optimizer,
    epochs: int,
    loss: Loss | None = None,
    metric: Metric | None = accuracy,
    batch_size: int = 64,
    augment: Augment | None = None,
    augment_pair: AugmentPair | None = None,
    scheduler: LRScheduler | None = None,
    schedule_each: Literal["epoch", "step"] = "epoch",
    max_grad_norm: float | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> History:
    """Train a model by mini-batch descent: every sample once an epoch, in random order.

    A step is ``loss(model(inputs), targets)``, its gradient, and the optimizer's step.
    With a checkpoint, a run that was killed at any moment and is resumed (by the same
    call, on a model, optimizer and scheduler built anew in the same way) ends with
    the weights it would have had: bit for bit on the CPU with as many threads. What
    the checkpoint cannot compare is up to the caller: the data's values and the
    functions ``loss``, ``metric``, ``augment`` and ``augment_pair``.

    Processes that torchrun started (see :mod:`dlbook.training.parallel`) share the run:
    each takes every n-th sample of a batch, and all take the same steps. That equals
    one process up to rounding where ``loss`` is a mean over samples and the model
    treats each by itself: batch statistics are those of a part, and dropout is drawn
    anew. The first process saves, and watches the progress.

    Args:
        model: Moved to ``device``, changed in place, and left in training mode.
        train: Inputs ``(n, ...)`` and targets ``(n, ...)``; the last batch of an epoch
            may be smaller. For a model of several arguments the inputs are a tuple of
            tensors: a step is then ``loss(model(*inputs), targets)``.
        validation: Evaluated after every epoch.
        optimizer: Holds the model's parameters; it may lack those that are frozen
            by ``requires_grad=False``.
        epochs: How often to go through the training set, those before an interruption
            included.
        loss: Of outputs and targets, averaged over the batch; default cross-entropy.
        metric: Of outputs and targets, averaged over the batch.
        batch_size: Samples a step.
        augment: Changes each training batch: ``augment(inputs, generator)``.
        augment_pair: Instead of ``augment``, changes inputs and targets together:
            ``augment_pair(inputs, targets, generator)`` gives both. Mirror an image and
            its mask alike, or blend classes (:func:`~dlbook.data.mixup`). It may make
            a tuple of one tensor, for a model of several arguments. ``loss`` and
            ``metric`` get the changed targets in training, but those of ``validation``
            as they are: a metric has to take both kinds, or be None.
        scheduler: Changes the optimizer's learning rate; ours or torch's. One that
            waits for a plateau sees the validation loss, else the training loss.
        schedule_each: Whether the scheduler moves on after every epoch or every step.
        max_grad_norm: Scale gradients down to this Euclidean norm where they exceed it
            (Pascanu, Mikolov & Bengio, 2013, §3.2).
        early_stopping: When to stop before ``epochs``; needs ``validation``.
        checkpoint: Where to save the run, and whether to go on from there.
        seed: Of the order of the samples and of the generator that ``augment`` and
            ``augment_pair`` get. Dropout and initial weights draw from torch's own
            generator: see :func:`~dlbook.runtime.seed_everything`.
        device: Default :func:`dlbook.runtime.device`.
        progress: Show a progress bar while training.

    Returns:
        What was measured in every epoch.

    Raises:
        ValueError: If an argument is out of range or two do not fit.
        TypeError: If ``epochs`` or ``batch_size`` is not an integer.
        FloatingPointError: If the training loss or its gradient is infinite or NaN;
            the weights are those before the step.
        CheckpointError: If the checkpoint is damaged or belongs to another run.
        KeyboardInterrupt: On Ctrl-C, after finishing and saving the step in hand if
            there is a checkpoint.
    """
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    _check_options(schedule_each, max_grad_norm, validation, early_stopping, metric)
    check_samples("train", train)
    if validation is not None:
        check_samples("validation", validation)
    _check_augment(train, augment, augment_pair)
    _check_optimizer(model, optimizer)
    _check_scheduler(scheduler, schedule_each, optimizer)
    place = torch.device(device or runtime.device())
    run = Run(
        model=model.to(place),
        train=moved(train, place),
        validation=moved(validation, place) if validation else None,
        optimizer=optimizer,
        epochs=epochs,
        loss=loss or nn.CrossEntropyLoss(),
        metric=metric,
        batch_size=batch_size,
        augment=augment,
        augment_pair=augment_pair,
        scheduler=scheduler,
        schedule_each=schedule_each,
        max_grad_norm=max_grad_norm,
        early_stopping=early_stopping,
        checkpoint=checkpoint,
        seed=seed,
        device=place,
    )
    with _interrupts_held(checkpoint is not None) as interrupted:
        return run.execute(interrupted, progress)


def _check_options(
    schedule_each: str,
    max_grad_norm: float | None,
    validation: Samples | None,
    early_stopping: EarlyStopping | None,
    metric: Metric | None,
) -> None:
    if schedule_each not in ("epoch", "step"):
        raise ValueError(
            f"schedule_each must be 'epoch' or 'step', got {schedule_each!r}"
        )
    if max_grad_norm is not None and not 0 < max_grad_norm < math.inf:
        raise ValueError(
            f"max_grad_norm must be positive and finite, got {max_grad_norm}"
        )
    if early_stopping is not None:
        if validation is None:
            raise ValueError("early stopping needs a validation set, got None")
        if metric is None and early_stopping.monitor == "validation_metric":
            raise ValueError("early stopping monitors the metric, but metric is None")


def _check_augment(
    train: Samples, augment: Augment | None, augment_pair: AugmentPair | None
) -> None:
    if augment is not None and augment_pair is not None:
        raise ValueError(
            "augment and augment_pair were both given; one function can do both: let "
            "augment_pair change the inputs, too"
        )
    if (augment or augment_pair) and not isinstance(train[0], Tensor):
        raise ValueError(
            "augment and augment_pair change inputs that are one tensor, got a tuple "
            f"of {len(train[0])}"
        )


def _check_optimizer(model: nn.Module, optimizer: Optimizer) -> None:
    """Refuse an optimizer of other parameters than the model's trainable ones."""
    own = {parameter: name for name, parameter in model.named_parameters()}
    held = {
        parameter for group in optimizer.param_groups for parameter in group["params"]
    }
    if not own.keys() & held:
        raise ValueError("the optimizer holds none of the model's parameters")
    if foreign := held - own.keys():
        raise ValueError(
            f"{len(foreign)} of the optimizer's {len(held)} parameters are not the "
            "model's"
        )
    missing = [name for p, name in own.items() if p.requires_grad and p not in held]
    if missing:
        raise ValueError(
            f"the optimizer lacks parameters of the model: {', '.join(missing)}; hand "
            "them over too, or freeze them by requires_grad_(False)"
        )


def _check_scheduler(
    scheduler: LRScheduler | None, schedule_each: str, optimizer: Optimizer
) -> None:
    if scheduler is None:
        return
    if scheduler.optimizer is not optimizer:
        raise ValueError("the scheduler belongs to another optimizer")
    if isinstance(scheduler, PLATEAUS) and schedule_each == "step":
        raise ValueError(
            f"{type(scheduler).__name__} needs the loss of an epoch: schedule_each "
            "must be 'epoch', got 'step'"
        )


@contextmanager
def _interrupts_held(hold: bool) -> Iterator[threading.Event]:
    """Hold Ctrl-C back, so that the step in hand can be finished and saved.

    A second Ctrl-C interrupts at once. Nothing is held outside the main thread, where
    Python delivers no signals, or where Ctrl-C does not mean KeyboardInterrupt.

    Args:
        hold: Whether to do so.

    Yields:
        An event that is set when the user asks to stop.
    """
    interrupted = threading.Event()
    in_main_thread = threading.current_thread() is threading.main_thread()
    previous = signal.getsignal(signal.SIGINT)
    if not (hold and in_main_thread and previous is signal.default_int_handler):
        yield interrupted
        return

    def note(number: int, frame: object) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupted.is_set():  # too late to stop the run, but not to stop the program
        raise KeyboardInterrupt
