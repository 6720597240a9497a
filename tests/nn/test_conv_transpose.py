"""Laws of transposed convolution: it is the adjoint of convolution."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from dlbook import nn
from dlbook.nn.conv_transpose import landings, transposed_cross_correlate
from dlbook.nn.windows import as_sizes, output_size, transposed_output_size
from tests.cases import numbers


def naive(image, kernel, stride, padding):
    """Stamp one channel by two loops, then cut the border off."""
    (height, width), (rows, columns) = image.shape, kernel.shape
    output = torch.zeros(
        (height - 1) * stride + rows, (width - 1) * stride + columns, dtype=image.dtype
    )
    for y in range(height):
        for x in range(width):
            top, left = y * stride, x * stride
            output[top : top + rows, left : left + columns] += image[y, x] * kernel
    bottom, right = (size - padding for size in output.shape)
    return output[padding:bottom, padding:right]


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (3, 1)])
def test_it_equals_the_definition_in_loops(stride, padding):
    image, kernel = numbers(4, 5), numbers(3, 2, seed=1)
    pair = (stride, stride), (padding, padding)
    output = transposed_cross_correlate(
        image[None, None], kernel[None, None], None, *pair
    )
    assert_close(output[0, 0], naive(image, kernel, stride, padding))


AXIS = st.tuples(*(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)))


@settings(max_examples=60, deadline=None)
@given(
    axes=st.tuples(AXIS, AXIS),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    groups=st.sampled_from([1, 2]),
    seed=st.integers(0, 2**16),
)
def test_it_is_the_adjoint_of_the_convolution_with_the_same_weight(
    axes, dilation, groups, seed
):
    kernel_size, stride, padding = zip(*axes, strict=True)
    options = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "bias": False,
    }
    gather = nn.Conv2d(4, 6, **options).double()
    spread = nn.ConvTranspose2d(6, 4, **options).double()
    spread.load_state_dict(gather.state_dict())
    x = numbers(3, 4, 8, 9, seed=seed)
    image = gather(x)
    y = numbers(*image.shape, seed=seed + 1)
    back = spread(y, output_size=x.shape)
    assert_close((image * y).sum(), (x * back).sum(), rtol=1e-10, atol=1e-10)


def test_a_line_is_the_adjoint_too():
    options = {"kernel_size": 4, "stride": 3, "padding": 2, "bias": False}
    gather = nn.Conv1d(2, 5, **options).double()
    spread = nn.ConvTranspose1d(5, 2, **options).double()
    spread.load_state_dict(gather.state_dict())
    x = numbers(3, 2, 11)
    y = numbers(*gather(x).shape, seed=1)
    back = spread(y, output_size=(11,))
    assert_close((gather(x) * y).sum(), (x * back).sum())


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_its_size_undoes_that_of_the_convolution(stride, padding, dilation):
    for size in range(3, 9):
        smallest = transposed_output_size(size, 3, stride, padding, dilation)
        reached = [
            transposed_output_size(size, 3, stride, padding, dilation, more)
            for more in range(stride)
        ]
        assert reached == list(range(smallest, smallest + stride))
        for before in range(smallest - 1, smallest + stride + 1):
            same = output_size(before, 3, stride, padding, dilation) == size
            assert same == (before in reached)


def test_each_output_size_that_can_be_reached_equals_torchs():
    ours = nn.ConvTranspose2d(3, 4, (3, 2), (2, 3), (2, 0), dilation=2).double()
    theirs = nn.to_torch(ours)
    image = numbers(2, 3, 4, 5)
    for height in (7, 8):
        for width in (15, 16, 17):
            for size in ((height, width), (2, 4, height, width)):
                assert_close(ours(image, size), theirs(image, list(size)))
                assert ours(image, size).shape == (2, 4, height, width)
    assert_close(ours(image[0], (4, 7, 16)), theirs(image[0], [4, 7, 16]))


def test_where_no_stamp_reaches_there_is_only_the_bias():
    layer = nn.ConvTranspose2d(2, 3, 1, stride=3, output_padding=2).double()
    output = layer(numbers(2, 4, 5))
    output[:, ::3, ::3] = layer.bias[:, None, None]
    assert_close(output, layer.bias[:, None, None].expand(3, 12, 15), rtol=0, atol=0)


def test_a_single_pixel_shows_the_kernel():
    layer = nn.ConvTranspose2d(2, 3, (2, 4), stride=3, bias=False).double()
    image = torch.zeros(2, 2, 2, dtype=torch.float64)
    image[1, 0, 1] = 1
    assert_close(layer(image)[:, :2, 3:], layer.weight[1], rtol=0, atol=0)


def test_groups_reach_only_their_own_channels():
    layer = nn.ConvTranspose2d(4, 6, 3, groups=2).double()
    image = numbers(4, 5, 7)
    changed = torch.cat([image[:2], numbers(2, 5, 7, seed=1)])
    assert_close(layer(changed)[:3], layer(image)[:3], rtol=0, atol=0)
    assert not torch.isclose(layer(changed)[3:], layer(image)[3:]).any()


def test_gradients_can_be_differentiated_again():
    options = {"stride": (1, 2), "padding": 1, "groups": 2, "output_padding": (0, 1)}
    layer = nn.ConvTranspose2d(2, 2, (2, 3), **options).double()
    image = numbers(1, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradgradcheck(layer, (image,))


def test_channels_last_images_give_the_same():
    layer, image = nn.ConvTranspose2d(3, 4, 3, 2).double(), numbers(2, 3, 5, 7)
    last = image.contiguous(memory_format=torch.channels_last)
    assert_close(layer(last), layer(image), rtol=1e-10, atol=1e-12)


def test_landings_are_a_stride_apart_and_elements_a_dilation():
    assert landings(3, 2, stride=3, dilation=2).tolist() == [[0, 3, 6], [2, 5, 8]]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (
            {"output_padding": 1},
            ValueError,
            "output_padding 1, stride 1 and dilation 1",
        ),
        (
            {"output_padding": 2, "stride": (3, 2)},
            ValueError,
            "output_padding 2, stride 2",
        ),
        (
            {"output_padding": (1, 0), "dilation": (1, 2)},
            ValueError,
            "output_padding 1, stride 1 and dilation 1",
        ),
        ({"output_padding": -1}, ValueError, "output_padding must be at least 0"),
        ({"output_padding": 0.5}, TypeError, "output_padding must be an integer"),
        ({"padding": "same"}, TypeError, "padding must be an integer.*'same'"),
        ({"padding": -1}, ValueError, "padding must be at least 0, got -1"),
        ({"groups": 3}, ValueError, "divisible by groups, got 4, 6 and 3"),
        ({"kernel_size": 0}, ValueError, "kernel_size must be at least 1"),
        ({"padding_mode": "reflect"}, NotImplementedError, "only padding_mode='zeros'"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        nn.ConvTranspose2d(4, 6, **{"kernel_size": 3, **arguments})


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((8, 15), "sizes from [9, 11] to [10, 13], got output_size (8, 15)"),
        ((11, 12), "sizes from [9, 11] to [10, 13], got output_size (11, 12)"),
        ((9, 14), "sizes from [9, 11] to [10, 13], got output_size (9, 14)"),
        ((9, 10), "sizes from [9, 11] to [10, 13], got output_size (9, 10)"),
        ((9,), "ConvTranspose2d expects 2 or 4 sizes as output_size, got (9,)"),
        ((2, 9, 11), "expects 2 or 4 sizes as output_size, got (2, 9, 11)"),
    ],
)
def test_sizes_that_cannot_be_reached_are_refused(size, words):
    layer = nn.ConvTranspose2d(3, 2, (3, 2), stride=(2, 3))
    with pytest.raises(ValueError, match=re.escape(words)):
        layer(torch.zeros(1, 3, 4, 4), size)
    with pytest.raises(ValueError, match="expects 2 or 3 sizes"):
        layer(torch.zeros(3, 4, 4), (1, 2, 9, 11))
    with pytest.raises(TypeError, match=r"output_size must be an integer, got 9\.5"):
        layer(torch.zeros(1, 3, 4, 4), (9.5, 11))


def test_an_output_of_which_nothing_is_left_is_refused():
    layer = nn.ConvTranspose2d(3, 2, 3, padding=2)
    with pytest.raises(
        ValueError, match=r"padding \(2, 2\) cuts everything.*\[-1, 1\]"
    ):
        layer(torch.zeros(1, 3, 1, 3))
    with pytest.raises(ValueError, match=r"\[0, 2\] are left"):
        nn.ConvTranspose2d(3, 2, 2, padding=1)(torch.zeros(1, 3, 1, 3))
    with pytest.raises(ValueError, match=r"at least one pixel, got \(0, 3\)"):
        layer(torch.zeros(1, 3, 0, 3))


def test_output_size_may_stand_behind_the_sizes_in_front_of_it_or_alone():
    for front in ((), (7, 5)):
        assert as_sizes((*front, 2, 3), 2, 2, "a layer") == (2, 3)
    for wrong in ((2,), (5, 2, 3), (9, 7, 5, 2, 3)):
        with pytest.raises(ValueError, match=r"a layer expects 2 or 4 sizes.*got \("):
            as_sizes(wrong, 2, 2, "a layer")
