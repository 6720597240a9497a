"""Recurrence: what RNN, LSTM and GRU share, whatever a step of theirs computes.

The input's part of all steps is one product; a step then costs one product of its own.
Sequences of different lengths come as torch's ``PackedSequence``: its rows are sorted
by length, so that the batch only shrinks on the way, and nobody computes padding.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn.checks import (
    check_floating,
    check_matches,
    check_positive,
    check_share,
    shape_of,
)
from dlbook.nn.dropout import Dropout
from dlbook.nn.recurrent_cells import draw_by_hidden_size
from dlbook.nn.recurrent_steps import State, Step, first_state, run


class Recurrence(Module):
    """What RNN, LSTM and GRU share: layers, directions, layouts and checks.

    A subclass gives ``step``, the number of its gates and that of its states. An empty
    batch keeps the shapes of any other; torch's RNN and GRU return ``(0,
    hidden_size)`` as last states.

    Args:
        input_size: Size of each element of the sequence.
        hidden_size: Size of the state.
        num_layers: Number of layers; each reads the states of the one below.
        bias: Whether to add b_ih and b_hh.
        batch_first: Whether batches are ``(batch, time, size)``.
        dropout: The probability of silencing an element between layers.
        bidirectional: Whether a second pass starts at the end.
        device: Where the parameters live.
        dtype: Their type.

    Raises:
        ValueError: If a size is below one, or ``dropout`` not in [0, 1] or set with one
            layer.
    """

    gates: ClassVar[int]
    num_states: ClassVar[int] = 1
    step: Step

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = check_positive("input_size", input_size)
        self.hidden_size = check_positive("hidden_size", hidden_size)
        self.num_layers = check_positive("num_layers", num_layers)
        name = type(self).__name__
        check_share(f"{name}: dropout", dropout)
        if dropout > 0 and num_layers == 1:
            raise ValueError(
                f"{name}: dropout acts between layers, got dropout={dropout} and "
                "num_layers=1"
            )
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self._make_parameters(device, dtype)

    def _make_parameters(
        self, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        rows, hidden_size = self.gates * self.hidden_size, self.hidden_size
        for layer in range(self.num_layers):
            size = hidden_size * (1 + self.bidirectional) if layer else self.input_size
            shapes: dict[str, tuple[int, ...]]
            shapes = {"weight_ih": (rows, size), "weight_hh": (rows, hidden_size)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if self.bias else {}
            for suffix in self._suffixes(layer):
                for kind, shape in shapes.items():
                    empty = torch.empty(shape, device=device, dtype=dtype)
                    self.register_parameter(f"{kind}_{suffix}", Parameter(empty))
        self.reset_parameters()

    def _suffixes(self, layer: int) -> list[str]:
        return [f"l{layer}", f"l{layer}_reverse"][: 1 + self.bidirectional]

    def reset_parameters(self) -> None:
        """Draw all parameters uniformly from [-1/√hidden_size, 1/√hidden_size]."""
        draw_by_hidden_size(self, self.hidden_size)

    def _forward(self, input: Any, given: Sequence[Tensor] | None) -> tuple[Any, State]:
        """Run all layers over packed sequences, a batch of them, or a single one."""
        if hasattr(input, "batch_sizes"):
            return self._forward_packed(input, given)
        self._check_input(input, (2, 3))
        single = input.ndim == 2
        turned = self.batch_first and not single
        steps = input.transpose(0, 1) if turned else input  # (time, batch, input_size)
        steps = steps.unsqueeze(1) if single else steps
        time, batch = steps.shape[:2]
        first = self._first_state(input, given, () if single else (batch,))
        first = tuple(s.unsqueeze(1) for s in first) if single else first
        rows, last = self._run_layers(steps.flatten(0, 1), [batch] * time, first)
        output = rows.unflatten(0, (time, batch))
        if single:
            return output.squeeze(1), tuple(s.squeeze(1) for s in last)
        return output.transpose(0, 1) if turned else output, last

    def _forward_packed(
        self, packed: Any, given: Sequence[Tensor] | None
    ) -> tuple[Any, State]:
        """Sort the states by length, run, and bring them back to the caller's order."""
        self._check_input(packed.data, (2,))
        batches = packed.batch_sizes.tolist()
        first = self._first_state(packed.data, given, (batches[0],))
        if packed.sorted_indices is not None:
            first = tuple(s.index_select(1, packed.sorted_indices) for s in first)
        rows, last = self._run_layers(packed.data, batches, first)
        if packed.unsorted_indices is not None:
            last = tuple(s.index_select(1, packed.unsorted_indices) for s in last)
        return packed._replace(data=rows), last

    def _run_layers(
        self, rows: Tensor, batches: list[int], first: State
    ) -> tuple[Tensor, State]:
        silence = Dropout(self.dropout).train(self.training)
        last: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for suffix in self._suffixes(layer):
                start = tuple(state[len(last)] for state in first)
                projected, weight, bias = self._project(rows, suffix)
                backwards = suffix.endswith("reverse")
                output, end = run(
                    self.step, projected, batches, start, weight, bias, backwards
                )
                outputs.append(output)
                last.append(end)
            rows = torch.cat(outputs, dim=1) if self.bidirectional else outputs[0]
            if layer < self.num_layers - 1:
                rows = silence(rows)
        return rows, tuple(torch.stack(states) for states in zip(*last, strict=True))

    def _project(
        self, rows: Tensor, suffix: str
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Multiply the input of all steps at once, and add what can be added there."""
        kinds = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] * self.bias)]
        by_input, weight, *biases = (getattr(self, f"{k}_{suffix}") for k in kinds)
        if not biases:
            return rows @ by_input.T, weight.T, None
        at_once, each_step = self._split_bias(*biases)
        return torch.addmm(at_once, rows, by_input.T), weight.T, each_step

    def _split_bias(
        self, by_input: Tensor, by_state: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Say which bias is added at once, and which in each step."""
        return by_input + by_state, None

    def _first_state(
        self, input: Tensor, given: Sequence[Tensor] | None, batch: tuple[int, ...]
    ) -> State:
        passes = self.num_layers * (1 + self.bidirectional)
        shape = (passes, *batch, self.hidden_size)
        return first_state(given, self.num_states, shape, input, type(self).__name__)

    def _check_input(self, input: Tensor, ndims: tuple[int, ...]) -> None:
        name, size = type(self).__name__, self.input_size
        check_floating(input, name)
        check_matches(input, self.get_parameter("weight_ih_l0"), name)
        if input.ndim not in ndims or input.shape[-1] != size:
            batch = "(batch, time" if self.batch_first else "(time, batch"
            shapes = {2: f"(time, {size})", 3: f"{batch}, {size})"}
            expected = " or ".join(shapes[n] for n in reversed(ndims))
            raise ValueError(
                f"{name} expects an input of shape {expected}, got {shape_of(input)}"
            )
        time = input.shape[1] if self.batch_first and input.ndim == 3 else len(input)
        if time == 0:
            raise ValueError(
                f"{name} expects at least one step, got shape {shape_of(input)}"
            )

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False}
        defaults |= {"dropout": 0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text
