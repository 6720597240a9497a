"""One step of a recurrent network, and a state that is carried along many."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dlbook.nn.checks import (
    autocast_is_on,
    check_same_device,
    check_same_type,
    check_tensor,
    shape_of,
)

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State, Tensor, Tensor | None], State]


def _plus_product(
    projected: Tensor, hidden: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    total = torch.addmm(projected, hidden, weight)
    return total if bias is None else total + bias


def tanh_step(
    projected: Tensor, state: State, weight: Tensor, bias: Tensor | None
) -> State:
    """Make one step of a plain recurrent network.

    h' = tanh(W_ih x + b_ih + W_hh h + b_hh) — Elman (1990).

    Args:
        projected: What the input contributes, W_ih x + b_ih: ``(batch, hidden_size)``.
        state: The hidden state, alone in a tuple: ``(batch, hidden_size)``.
        weight: W_hh turned on its side, W_hhᵀ: ``(hidden_size, hidden_size)``.
        bias: b_hh, ``(hidden_size,)``; None if it is in ``projected`` already.

    Returns:
        The new state.
    """
    return (_plus_product(projected, state[0], weight, bias).tanh(),)


def relu_step(
    projected: Tensor, state: State, weight: Tensor, bias: Tensor | None
) -> State:
    """Make one step with max(., 0) in place of tanh; see :func:`tanh_step`.

    Le, Jaitly and Hinton (2015).

    Args:
        projected: W_ih x + b_ih, ``(batch, hidden_size)``.
        state: ``(batch, hidden_size)``, alone in a tuple.
        weight: W_hhᵀ, ``(hidden_size, hidden_size)``.
        bias: ``(hidden_size,)`` or None.

    Returns:
        The new state.
    """
    return (_plus_product(projected, state[0], weight, bias).relu(),)


def lstm_step(
    projected: Tensor, state: State, weight: Tensor, bias: Tensor | None
) -> State:
    """Make one step of long short-term memory.

    i, f, o = σ(…), g = tanh(…), each of W_ih x + b_ih + W_hh h + b_hh;
    c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c'). Hochreiter and Schmidhuber (1997), with the
    forget gate f of Gers, Schmidhuber and Cummins (2000), without peepholes.

    Args:
        projected: W_ih x + b_ih in the order i, f, g, o: ``(batch, 4 * hidden_size)``.
        state: h and c, each ``(batch, hidden_size)``.
        weight: W_hhᵀ, ``(hidden_size, 4 * hidden_size)``.
        bias: b_hh, ``(4 * hidden_size,)``; None if it is in ``projected`` already.

    Returns:
        The new h and c.
    """
    hidden, cell = state
    gates = _plus_product(projected, hidden, weight, bias)
    take, keep, new, show = gates.chunk(4, dim=1)
    cell = torch.addcmul(keep.sigmoid() * cell, take.sigmoid(), new.tanh())
    return show.sigmoid() * cell.tanh(), cell


def gru_step(
    projected: Tensor, state: State, weight: Tensor, bias: Tensor | None
) -> State:
    """Make one step of a gated recurrent unit.

    r, z = σ(W_ih x + b_ih + W_hh h + b_hh), n = tanh(W_in x + b_in + r ⊙ (W_hn h +
    b_hn)), h' = (1 - z) ⊙ n + z ⊙ h. Cho et al. (2014), §2.3, where r multiplies h
    before the product; here, as in torch, after it.

    Args:
        projected: W_ih x + b_ih in the order r, z, n: ``(batch, 3 * hidden_size)``.
        state: The hidden state, alone in a tuple: ``(batch, hidden_size)``.
        weight: W_hhᵀ, ``(hidden_size, 3 * hidden_size)``.
        bias: b_hh, ``(3 * hidden_size,)``, or None for none.

    Returns:
        The new state.
    """
    (hidden,) = state
    product = hidden @ weight if bias is None else torch.addmm(bias, hidden, weight)
    reset_x, keep_x, new_x = projected.chunk(3, dim=1)
    reset_h, keep_h, new_h = product.chunk(3, dim=1)
    reset, keep = (reset_x + reset_h).sigmoid(), (keep_x + keep_h).sigmoid()
    new = torch.addcmul(new_x, reset, new_h).tanh()
    return (new + keep * (hidden - new),)


def first_state(
    given: Sequence[Tensor] | None,
    count: int,
    shape: tuple[int, ...],
    input: Tensor,
    layer: str,
) -> State:
    """Take the state a caller gives, if it fits, or start with zeros.

    Args:
        given: The state; None for zeros.
        count: Number of tensors a state has: two for h and c.
        shape: The shape of each.
        input: What is read: the state goes with its type and device.
        layer: The layer's name, for messages.

    Returns:
        ``count`` tensors of shape ``shape``.

    Raises:
        ValueError: If the number of tensors, a shape or a device is another.
        TypeError: If something is no tensor, or of another type than the input.
    """
    if given is None:
        return (input.new_zeros(shape),) * count
    if isinstance(given, Tensor) or len(given) != count:
        what = "one tensor" if isinstance(given, Tensor) else f"{len(given)} of them"
        raise ValueError(f"{layer} expects hx to be {count} tensors, got {what}")
    for state in given:
        check_tensor(state, layer, "state")
        check_same_device(input, state, layer, "state")
        if not autocast_is_on(input):
            check_same_type(input, state, layer, "state")
        if tuple(state.shape) != shape:
            raise ValueError(
                f"{layer} expects a state of shape {shape}, got {shape_of(state)}"
            )
    return tuple(given)


def run(
    step: Step,
    projected: Tensor,
    batches: Sequence[int],
    state: State,
    weight: Tensor,
    bias: Tensor | None,
    reverse: bool = False,
) -> tuple[Tensor, State]:
    """Carry a state along all steps of a batch of sequences, the longest first.

    Args:
        step: What makes one step, for example :func:`lstm_step`.
        projected: What the input contributes, step after step: ``(sum of batches,
            size)``.
        batches: How many sequences have a first step, a second, …; never growing.
        state: Each ``(batches[0], hidden_size)``.
        weight: W_hhᵀ.
        bias: b_hh or None.
        reverse: Whether to start at each sequence's end.

    Returns:
        The hidden states ``(sum of batches, hidden_size)`` and each sequence's last
        state, as ``state``.
    """
    steps = projected.split(list(batches))
    outputs: list[Tensor] = []
    ended: list[State] = []
    now = tuple(s[: batches[-1]] for s in state) if reverse else state
    for part in reversed(steps) if reverse else steps:
        size, rows = len(part), len(now[0])
        if size < rows:
            ended.append(tuple(s[size:] for s in now))
            now = tuple(s[:size] for s in now)
        elif size > rows:
            starting = (s[rows:size] for s in state)
            now = tuple(torch.cat(two) for two in zip(now, starting, strict=True))
        now = step(part, now, weight, bias)
        outputs.append(now[0])
    if reverse:
        outputs.reverse()
    if ended:
        now = tuple(torch.cat(s) for s in zip(now, *reversed(ended), strict=True))
    return torch.cat(outputs), now
