"""Laws of convolution, and the geometry of sliding windows."""

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from dlbook.nn.conv import cross_correlate
from dlbook.nn.windows import output_size, pad, taps, windows
from tests.cases import numbers


def naive(image, kernel):
    """Convolve one channel by four loops."""
    height = image.shape[0] - kernel.shape[0] + 1
    width = image.shape[1] - kernel.shape[1] + 1
    output = torch.zeros(height, width, dtype=image.dtype)
    for y in range(height):
        for x in range(width):
            for i in range(kernel.shape[0]):
                for j in range(kernel.shape[1]):
                    output[y, x] += kernel[i, j] * image[y + i, x + j]
    return output


def test_it_equals_the_definition_in_loops():
    image, kernel = numbers(6, 7), numbers(2, 3, seed=1)
    output = cross_correlate(image[None, None], kernel[None, None])
    assert_close(output[0, 0], naive(image, kernel), rtol=1e-10, atol=1e-12)


def test_it_commutes_with_shifts():
    layer = nn.Conv2d(2, 3, 3, padding=1, bias=False).double()
    image = pad(numbers(2, 4, 5), [(3, 3), (3, 3)])
    shifted = image.roll((2, -1), dims=(-2, -1))
    assert_close(layer(shifted), layer(image).roll((2, -1), dims=(-2, -1)))


def test_it_is_linear_in_the_image():
    layer = nn.Conv1d(2, 3, 4, dilation=2, bias=False).double()
    a, b = numbers(2, 11), numbers(2, 11, seed=1)
    assert_close(layer(2 * a - b), 2 * layer(a) - layer(b))


@pytest.mark.parametrize("stride", [1, 2])
def test_its_gradient_is_the_adjoint_map(stride):
    layer = nn.Conv2d(2, 3, 3, stride=stride, padding=1, bias=False).double()
    x = numbers(1, 2, 6, 7).requires_grad_()
    output = layer(x)
    y = numbers(*output.shape, seed=1)
    (adjoint,) = torch.autograd.grad(output, x, y)
    assert_close((output * y).sum(), (x * adjoint).sum())


def test_a_kernel_with_a_single_one_moves_the_image():
    layer = nn.Conv2d(1, 1, 3, padding="same", bias=False).double()
    layer.weight.data = torch.zeros(1, 1, 3, 3).double()
    layer.weight.data[0, 0, 0, 1] = 1
    image = numbers(1, 4, 5)
    assert_close(layer(image)[:, 1:], image[:, :-1])
    assert (layer(image)[:, 0] == 0).all()


def test_groups_see_only_their_own_channels():
    layer = nn.Conv2d(4, 6, 3, groups=2).double()
    image = numbers(4, 5, 7)
    changed = torch.cat([image[:2], numbers(2, 5, 7, seed=1)])
    assert_close(layer(changed)[:3], layer(image)[:3], rtol=0, atol=0)
    assert not torch.isclose(layer(changed)[3:], layer(image)[3:]).any()


def test_gradients_can_be_differentiated_again():
    layer = nn.Conv2d(2, 2, (2, 3), stride=(1, 2), padding=1, groups=2).double()
    image = numbers(1, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradgradcheck(layer, (image,))


def test_channels_last_images_give_the_same():
    layer, image = nn.Conv2d(3, 4, 3).double(), numbers(2, 3, 5, 7)
    last = image.contiguous(memory_format=torch.channels_last)
    assert_close(layer(last), layer(image), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_output_size_is_that_of_torchs_pooling(ceil_mode):
    for size in range(3, 12):
        for kernel, stride, padding, dilation in [
            (3, 1, 0, 1),
            (3, 2, 1, 1),
            (2, 3, 1, 1),
            (2, 2, 1, 2),
            (3, 4, 1, 1),
        ]:
            layer = torch.nn.MaxPool1d(
                kernel, stride, padding, dilation, ceil_mode=ceil_mode
            )
            expected = layer(torch.zeros(1, size)).shape[-1]
            got = output_size(size, kernel, stride, padding, dilation, ceil_mode)
            assert got == expected, (size, kernel, stride, padding, dilation)


def test_output_size_names_a_window_that_does_not_fit():
    with pytest.raises(ValueError, match="spans 5 does not fit into 2 elements"):
        output_size(2, 3, padding=1, dilation=2)


def test_taps_are_what_each_window_element_sees():
    line = torch.arange(10)
    seen = torch.stack([line[tap] for tap in taps(3, 2, stride=3, dilation=2)], dim=-1)
    assert seen.tolist() == [[0, 2], [3, 5], [6, 8]]


def test_windows_hold_the_image_patches_row_by_row():
    image = torch.arange(12.0).reshape(3, 4)
    seen = windows(image, (2, 3), (1, 1))
    assert seen.shape == (6, 2, 2)
    assert seen[:, 1, 0].tolist() == [4, 5, 6, 8, 9, 10]


def test_padding_surrounds_with_a_constant_and_keeps_the_middle():
    padded = pad(torch.ones(2, 3), [(1, 0), (0, 2)], value=7)
    assert padded.tolist() == [[7] * 5, [1, 1, 1, 7, 7], [1, 1, 1, 7, 7]]
    image = torch.ones(2, 3)
    assert pad(image, [(0, 0), (0, 0)]) is image
