"""Recurrent cells: one step at a time, for those who write the loop themselves."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn import init
from dlbook.nn.checks import (
    check_choice,
    check_floating,
    check_matches,
    check_positive,
    shape_of,
)
from dlbook.nn.recurrent_steps import (
    State,
    Step,
    first_state,
    gru_step,
    lstm_step,
    relu_step,
    tanh_step,
)


def draw_by_hidden_size(layer: Module, hidden_size: int) -> None:
    """Draw the first values of a recurrent layer, as torch does.

    Args:
        layer: All of its parameters are overwritten, in their order: uniform on
            [-1/√hidden_size, 1/√hidden_size].
        hidden_size: Size of the state.
    """
    bound = 1 / math.sqrt(hidden_size)
    for parameter in layer.parameters():
        init.uniform_(parameter, -bound, bound)


class _Cell(Module):
    """What the cells share: two products, two biases, and how they are checked."""

    gates: ClassVar[int]
    num_states: ClassVar[int] = 1
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = check_positive("input_size", input_size)
        self.hidden_size = check_positive("hidden_size", hidden_size)
        self.bias = bias
        rows = self.gates * self.hidden_size
        for name, size in (("ih", self.input_size), ("hh", self.hidden_size)):
            empty = torch.empty(rows, size, device=device, dtype=dtype)
            self.register_parameter(f"weight_{name}", Parameter(empty))
        for name in ("bias_ih", "bias_hh"):
            empty = torch.empty(rows, device=device, dtype=dtype)
            self.register_parameter(name, Parameter(empty) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters uniformly from [-1/√hidden_size, 1/√hidden_size]."""
        draw_by_hidden_size(self, self.hidden_size)

    def _step(self, step: Step, input: Tensor, given: Sequence[Tensor] | None) -> State:
        layer = type(self).__name__
        check_floating(input, layer)
        check_matches(input, self.weight_ih, layer)
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{layer} expects an input of shape (batch, {self.input_size}) or "
                f"({self.input_size},), got {shape_of(input)}"
            )
        shape = (*input.shape[:-1], self.hidden_size)
        state = first_state(given, self.num_states, shape, input, layer)
        if input.ndim == 1:
            input, state = input.unsqueeze(0), tuple(s.unsqueeze(0) for s in state)
        projected = input @ self.weight_ih.T
        if self.bias_ih is not None:
            projected = projected + self.bias_ih
        state = step(projected, state, self.weight_hh.T, self.bias_hh)
        return tuple(s.reshape(shape) for s in state)

    def extra_repr(self) -> str:
        """Describe the cell as torch does."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias else f"{text}, bias={self.bias}"


class RNNCell(_Cell):
    """Make one step of a plain recurrent network.

    See :func:`~dlbook.nn.recurrent_steps.tanh_step`.

    Args:
        input_size: Size of the input.
        hidden_size: Size of the state.
        bias: Whether to add b_ih and b_hh.
        nonlinearity: "tanh" or "relu".
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        weight_ih: W_ih, ``(hidden_size, input_size)``.
        weight_hh: W_hh, ``(hidden_size, hidden_size)``.
        bias_ih: b_ih, ``(hidden_size,)``, or None.
        bias_hh: b_hh, likewise.

    Raises:
        ValueError: If a size is below one or the nonlinearity unknown.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_choice(nonlinearity, ("tanh", "relu"), "nonlinearity")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Make the step.

        Args:
            input: ``(batch, input_size)`` or ``(input_size,)``.
            hx: The state, ``(batch, hidden_size)`` or ``(hidden_size,)``; default 0.

        Returns:
            The new state.

        Raises:
            ValueError: If a shape is another.
            TypeError: If types differ.
        """
        step = tanh_step if self.nonlinearity == "tanh" else relu_step
        return self._step(step, input, None if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        """Describe the cell as torch does."""
        text = super().extra_repr()
        if self.nonlinearity != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text


class LSTMCell(_Cell):
    """Make one step of long short-term memory.

    See :func:`~dlbook.nn.recurrent_steps.lstm_step`.

    Args:
        input_size: Size of the input.
        hidden_size: Size of h and c.
        bias: Whether to add b_ih and b_hh.
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        weight_ih: W_ih, rows in the order i, f, g, o: ``(4 * hidden_size,
            input_size)``.
        weight_hh: W_hh, ``(4 * hidden_size, hidden_size)``.
        bias_ih: b_ih, ``(4 * hidden_size,)``, or None.
        bias_hh: b_hh, likewise.

    Raises:
        ValueError: If a size is below one.
    """

    gates = 4
    num_states = 2

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Make the step.

        Args:
            input: ``(batch, input_size)`` or ``(input_size,)``.
            hx: h and c, each ``(batch, hidden_size)`` or ``(hidden_size,)``; default 0.

        Returns:
            The new h and c.

        Raises:
            ValueError: If a shape is another.
            TypeError: If types differ.
        """
        hidden, cell = self._step(lstm_step, input, hx)
        return hidden, cell


class GRUCell(_Cell):
    """Make one step of a gated recurrent unit.

    See :func:`~dlbook.nn.recurrent_steps.gru_step`.

    Args:
        input_size: Size of the input.
        hidden_size: Size of the state.
        bias: Whether to add b_ih and b_hh.
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        weight_ih: W_ih, rows in the order r, z, n: ``(3 * hidden_size, input_size)``.
        weight_hh: W_hh, ``(3 * hidden_size, hidden_size)``.
        bias_ih: b_ih, ``(3 * hidden_size,)``, or None.
        bias_hh: b_hh, likewise.

    Raises:
        ValueError: If a size is below one.
    """

    gates = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Make the step; shapes and errors as of :class:`RNNCell`."""
        return self._step(gru_step, input, None if hx is None else (hx,))[0]
