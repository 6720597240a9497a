"""Windows that slide over an image: the geometry that convolution and pooling share."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dlbook.nn.checks import check_integer


def as_tuple(value: int | Sequence[int], length: int, name: str) -> tuple[int, ...]:
    """Read "one number for every axis" or "one number an axis" as the latter.

    Args:
        value: An integer, or a sequence of one or ``length`` integers.
        length: How many axes there are.
        name: The argument's name, for the message.

    Returns:
        ``length`` integers.

    Raises:
        TypeError: If something is not an integer.
        ValueError: If the sequence has another length.
    """
    given = value if isinstance(value, Sequence) else [value]
    values = tuple(check_integer(name, number) for number in given)
    if len(values) not in (1, length):
        raise ValueError(f"{name} must be one integer or {length}, got {value!r}")
    return values if len(values) == length else values * length


def as_sizes(
    wanted: Sequence[int], axes: int, front: int, layer: str
) -> tuple[int, ...]:
    """Read an output size that may stand behind the sizes of batch and channels.

    Args:
        wanted: ``axes`` sizes, perhaps with ``front`` more before them.
        axes: How many axes there are.
        front: How many axes there are in front of them.
        layer: The layer's name, for the message.

    Returns:
        ``axes`` sizes.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If there are fewer or more.
    """
    sizes = tuple(check_integer("output_size", size) for size in wanted)
    if len(sizes) not in (axes, axes + front):
        raise ValueError(
            f"{layer} expects {axes} or {axes + front} sizes as output_size, "
            f"got {sizes}"
        )
    return sizes[-axes:]


def output_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Count the positions of a window that slides along one axis.

    ⌊(size + 2 · padding - span) / stride⌋ + 1, where the window spans
    dilation · (kernel_size - 1) + 1 elements. Dumoulin and Visin (2016), §5.1.

    Args:
        size: Elements along the axis.
        kernel_size: Elements that the window looks at.
        stride: Elements from one position to the next.
        padding: Elements added at each end.
        dilation: Elements from one that the window looks at to the next.
        ceil_mode: Round up instead: a last window may reach beyond the end, but must
            start on the input or the padding before it.

    Returns:
        The number of positions, at least one.

    Raises:
        ValueError: If the window does not fit even once.
    """
    span = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - span
    steps = -(-room // stride) if ceil_mode else room // stride
    if ceil_mode and steps * stride >= size + padding:
        steps -= 1
    if steps < 0:
        raise ValueError(
            f"a window that spans {span} does not fit into {size} elements "
            f"with {padding} of padding at each end"
        )
    return steps + 1


def transposed_output_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    output_padding: int = 0,
) -> int:
    """Measure what stamps of a kernel cover along one axis; undo :func:`output_size`.

    (size - 1) · stride + span - 2 · padding + output_padding, where a stamp spans
    dilation · (kernel_size - 1) + 1 elements. Dumoulin and Visin (2016), §4.6. A
    window takes ``size`` positions on ``stride`` different sizes; ``output_padding``
    chooses among them.

    Args:
        size: How many stamps there are.
        kernel_size: Elements of a stamp.
        stride: Elements from one stamp to the next.
        padding: Elements that are cut off at each end.
        dilation: Elements from one of a stamp to the next.
        output_padding: Elements that are cut off less at the far end.

    Returns:
        The number of elements; below one if nothing is left.
    """
    span = dilation * (kernel_size - 1) + 1
    return (size - 1) * stride + span - 2 * padding + output_padding


def pad(input: Tensor, amounts: Sequence[tuple[int, int]], value: float = 0) -> Tensor:
    """Surround the last axes with a constant.

    Args:
        input: Any shape.
        amounts: For each of the last axes in turn, elements to add (before, after).
        value: What to fill them with.

    Returns:
        The larger tensor; ``input`` itself if there is nothing to add.
    """
    if not any(before or after for before, after in amounts):
        return input
    outer, sizes = input.shape[: -len(amounts)], input.shape[-len(amounts) :]
    grown = [size + sum(ends) for size, ends in zip(sizes, amounts, strict=True)]
    middle: list[Any] = [
        slice(before, before + size)
        for size, (before, _) in zip(sizes, amounts, strict=True)
    ]
    padded = input.new_full((*outer, *grown), value)
    padded[(..., *middle)] = input
    return padded


def taps(positions: int, kernel_size: int, stride: int, dilation: int) -> list[slice]:
    """Find what each element of a sliding window sees, along one axis.

    The k-th element of the window at position p looks at input element
    p · stride + k · dilation. So for all positions at once it sees one slice.

    Args:
        positions: How many positions the window takes, see :func:`output_size`.
        kernel_size: Elements of the window.
        stride: Input elements from one position to the next.
        dilation: Input elements from one element of the window to the next.

    Returns:
        ``kernel_size`` slices of ``positions`` input elements each.
    """
    reach = (positions - 1) * stride + 1
    starts = range(0, kernel_size * dilation, dilation)
    return [slice(start, start + reach, stride) for start in starts]


def windows(
    input: Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil_mode: bool = False,
    fill: float = 0,
) -> Tensor:
    """Collect all that the windows over an image see.

    Args:
        input: ``(..., height, width)``.
        kernel_size: Height and width of a window.
        stride: Pixels from one position to the next, along height and width.
        padding: Pixels added above and below, left and right.
        dilation: Pixels from one element of a window to the next, likewise.
        ceil_mode: Whether a last window may reach beyond the end.
        fill: What the added pixels are.

    Returns:
        ``(kernel_height * kernel_width, ..., rows, columns)``: for each element of a
        window, row by row, what it sees at each position.

    Raises:
        ValueError: If the window does not fit into the image.
    """
    seen, amounts = [], []
    sizes = input.shape[-2:]
    axes = zip(sizes, kernel_size, stride, padding, dilation, strict=True)
    for size, kernel, step, around, spread in axes:
        positions = output_size(size, kernel, step, around, spread, ceil_mode)
        seen.append(taps(positions, kernel, step, spread))
        amounts.append((around, max(seen[-1][-1].stop - around - size, 0)))
    image = pad(input, amounts, fill)
    return torch.stack(
        [image[..., row, column] for row in seen[0] for column in seen[1]]
    )
