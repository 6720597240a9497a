"""Recurrent layers: plain, with long short-term memory, with gated units."""

from typing import Any

import torch
from torch import Tensor

from dlbook.nn.checks import check_choice
from dlbook.nn.recurrence import Recurrence
from dlbook.nn.recurrent_steps import gru_step, lstm_step, relu_step, tanh_step


class RNN(Recurrence):
    """Carry a state along a sequence through plain recurrent steps.

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh) — Elman (1990).

    Args:
        input_size: Size of each element of the sequence.
        hidden_size: Size of the state.
        num_layers: Number of layers; each reads the states of the one below.
        nonlinearity: "tanh" or "relu".
        bias: Whether to add b_ih and b_hh.
        batch_first: Whether batches are ``(batch, time, size)`` instead of ``(time,
            batch, size)``.
        dropout: The probability of silencing an element between layers.
        bidirectional: Whether a second pass, with weights of its own, starts at the
            end.
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        weight_ih_l0: W_ih of the first layer, ``(hidden_size, input_size)``; of
            further layers ``weight_ih_l1`` …, backwards ``weight_ih_l0_reverse`` ….
        weight_hh_l0: W_hh, ``(hidden_size, hidden_size)``; and so on.
        bias_ih_l0: b_ih, ``(hidden_size,)``; and so on.
        bias_hh_l0: b_hh, likewise.

    Raises:
        ValueError: If a size is below one, ``dropout`` not in [0, 1] or set with one
            layer (torch warns), or the nonlinearity unknown.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_choice(nonlinearity, ("tanh", "relu"), "nonlinearity")
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
        )
        self.nonlinearity = nonlinearity
        self.step = tanh_step if nonlinearity == "tanh" else relu_step

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Read sequences.

        Args:
            input: ``(time, batch, input_size)``; ``(batch, time, input_size)`` if
                ``batch_first``; ``(time, input_size)`` for one sequence; or torch's
                ``PackedSequence``.
            hx: First states, ``(num_layers * directions, batch, hidden_size)``, without
                the batch for one sequence; default 0.

        Returns:
            The states of the last layer at all steps, both directions side by side, in
            the layout of ``input``; and the last states of all layers, as ``hx``.

        Raises:
            ValueError: If a shape is another, or there is nothing to read.
            TypeError: If types differ.
        """
        output, (last,) = self._forward(input, None if hx is None else (hx,))
        return output, last


class LSTM(Recurrence):
    """Carry a state and a cell along a sequence: what the cell keeps, fades slowly.

    i_t, f_t, o_t = σ(…), g_t = tanh(…), each of W_ih x_t + b_ih + W_hh h_{t-1} + b_hh;
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t, h_t = o_t ⊙ tanh(c_t). Hochreiter and Schmidhuber
    (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

    Args:
        input_size: Size of each element of the sequence.
        hidden_size: Size of h and c.
        num_layers: Number of layers; each reads the h of the one below.
        bias: Whether to add b_ih and b_hh.
        batch_first: Whether batches are ``(batch, time, size)`` instead of ``(time,
            batch, size)``.
        dropout: The probability of silencing an element between layers.
        bidirectional: Whether a second pass, with weights of its own, starts at the
            end.
        proj_size: Only 0.
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        weight_ih_l0: W_ih of the first layer, rows in the order i, f, g, o:
            ``(4 * hidden_size, input_size)``; names go on as in :class:`RNN`.
        weight_hh_l0: W_hh, ``(4 * hidden_size, hidden_size)``.
        bias_ih_l0: b_ih, ``(4 * hidden_size,)``.
        bias_hh_l0: b_hh, likewise.

    Raises:
        ValueError: If a size is below one, or ``dropout`` not in [0, 1] or set with one
            layer (torch warns).
        NotImplementedError: If ``proj_size`` is not 0.
    """

    gates = 4
    num_states = 2
    step = staticmethod(lstm_step)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if proj_size != 0:
            raise NotImplementedError(f"LSTM has no proj_size, got {proj_size}")
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
        )

    def forward(
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Read sequences.

        Args:
            input: As of :meth:`RNN.forward`.
            hx: First h and c, each ``(num_layers * directions, batch, hidden_size)``,
                without the batch for one sequence; default 0.

        Returns:
            The h of the last layer at all steps, in the layout of ``input``; and the
            last h and c of all layers, as ``hx``.

        Raises:
            ValueError: If a shape is another, or there is nothing to read.
            TypeError: If types differ.
        """
        output, (hidden, cell) = self._forward(input, hx)
        return output, (hidden, cell)


class GRU(Recurrence):
    """Carry a state along a sequence, and let a gate say how much of it stays.

    r_t, z_t = σ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), n_t = tanh(W_in x_t + b_in +
    r_t ⊙ (W_hn h_{t-1} + b_hn)), h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}. Cho et al.
    (2014), §2.3, where r multiplies h before the product; here, as in torch, after it.

    Args:
        input_size: Size of each element of the sequence.
        hidden_size: Size of the state.
        num_layers: Number of layers; each reads the states of the one below.
        bias: Whether to add b_ih and b_hh.
        batch_first: Whether batches are ``(batch, time, size)`` instead of ``(time,
            batch, size)``.
        dropout: The probability of silencing an element between layers.
        bidirectional: Whether a second pass, with weights of its own, starts at the
            end.
        device: Where the parameters live.
        dtype: Their type.

    Attributes:
        weight_ih_l0: W_ih of the first layer, rows in the order r, z, n:
            ``(3 * hidden_size, input_size)``; names go on as in :class:`RNN`.
        weight_hh_l0: W_hh, ``(3 * hidden_size, hidden_size)``.
        bias_ih_l0: b_ih, ``(3 * hidden_size,)``.
        bias_hh_l0: b_hh, likewise.

    Raises:
        ValueError: If a size is below one, or ``dropout`` not in [0, 1] or set with one
            layer (torch warns).
    """

    gates = 3
    step = staticmethod(gru_step)

    def _split_bias(
        self, by_input: Tensor, by_state: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        return by_input, by_state  # the reset gate multiplies a part of the second

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Read sequences; shapes and errors as of :meth:`RNN.forward`."""
        output, (last,) = self._forward(input, None if hx is None else (hx,))
        return output, last
