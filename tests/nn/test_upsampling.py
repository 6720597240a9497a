"""Laws of upsampling: sizes, factors, corners."""

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from dlbook.nn.upsampling import linear_places, nearest_places
from tests.cases import numbers

MODES = [
    {},
    {"mode": "bilinear"},
    {"mode": "bilinear", "align_corners": True},
]
modes = pytest.mark.parametrize("mode", MODES, ids=str)


@modes
def test_every_factor_gives_torchs_pixels(mode):
    for n in (1, 2, 3, 5, 7, 10):
        for factor in (0.35, 0.5, 0.9, 1.0, 1.2, 1.5, 1.9, 2.0, 2.1, 2.5, 3.0, 3.7):
            if int(3 * factor) < 1 or int(n * factor) < 1:
                continue
            image = numbers(1, 1, 3, n)
            for recompute in (None, True):
                arguments = {
                    "scale_factor": factor,
                    "recompute_scale_factor": recompute,
                }
                ours = nn.Upsample(**arguments, **mode)(image)
                theirs = torch.nn.Upsample(**arguments, **mode)(image)
                assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@modes
def test_every_size_gives_torchs_pixels(mode):
    for n in (1, 2, 3, 5, 26):
        for size in (*range(1, 12), 22, 44, 52):
            image = numbers(1, 1, 3, n)
            ours = nn.Upsample((2, size), **mode)(image)
            theirs = torch.nn.Upsample((2, size), **mode)(image)
            assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@modes
def test_its_gradient_is_the_adjoint_map(mode):
    layer = nn.Upsample((7, 11), **mode)
    x = numbers(2, 3, 4, 5).requires_grad_()
    output = layer(x)
    y = numbers(*output.shape, seed=1)
    (adjoint,) = torch.autograd.grad(output, x, y)
    assert_close((output * y).sum(), (x * adjoint).sum(), rtol=1e-12, atol=0)
    a, b = x.detach(), numbers(2, 3, 4, 5, seed=2)
    assert_close(layer(2 * a - b), 2 * layer(a) - layer(b))


def test_doubling_repeats_each_pixel_four_times():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert nn.Upsample(scale_factor=2)(image)[0, 0].tolist() == expected


@pytest.mark.parametrize("align_corners", [True, False])
def test_interpolation_keeps_a_plane_away_from_the_border(align_corners):
    y, x = torch.arange(5.0).unsqueeze(-1), torch.arange(6.0)
    plane = (3 * y - 2 * x + 1).double()[None, None]
    layer = nn.Upsample((10, 12), mode="bilinear", align_corners=align_corners)
    output = layer(plane)[0, 0, 1:-1, 1:-1]
    rows, columns = output.diff(dim=0), output.diff(dim=1)
    down, across = (3 * 4 / 9, -2 * 5 / 11) if align_corners else (1.5, -1)
    assert_close(rows, torch.full_like(rows, down))
    assert_close(columns, torch.full_like(columns, across))


def test_corners_stay_where_they_are_asked_to():
    image = numbers(2, 3, 4, 5)
    layer = nn.Upsample((9, 7), mode="bilinear", align_corners=True)
    corners = layer(image)[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    assert_close(corners, image[..., [0, 0, -1, -1], [0, -1, 0, -1]])


def test_the_same_size_changes_nothing():
    image = numbers(2, 3, 4, 5)
    for mode in MODES:
        assert torch.equal(nn.Upsample((4, 5), **mode)(image), image)
        assert torch.equal(nn.Upsample(scale_factor=1.1, **mode)(image), image)


def test_places_are_those_written_in_the_formula():
    assert nearest_places(3, 7, 3 / 7).tolist() == [0, 0, 0, 1, 1, 2, 2]
    before, after, share = linear_places(3, 6, 0.5, False, torch.float64)
    assert before.tolist() == [0, 0, 0, 1, 1, 2]
    assert after.tolist() == [1, 1, 1, 2, 2, 2]
    assert share.tolist() == [0, 0.25, 0.75, 0.25, 0.75, 0.25]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "either size or scale_factor, got size None"),
        ({"size": 3, "scale_factor": 2}, ValueError, "got size 3 and scale_factor 2"),
        ({"size": 0}, ValueError, "size must be at least 1, got 0"),
        ({"size": 2.5}, TypeError, "size must be an integer, got 2.5"),
        ({"size": (1, 2, 3)}, ValueError, "size must be one integer or 2"),
        ({"scale_factor": 0}, ValueError, "scale_factor must be positive, got 0"),
        ({"scale_factor": (2.0, -1.0)}, ValueError, "positive, got (2.0, -1.0)"),
        ({"scale_factor": float("inf")}, ValueError, "must be positive, got inf"),
        ({"scale_factor": "2"}, TypeError, "scale_factor must be a number, got '2'"),
        ({"scale_factor": [2.0, 1.0]}, TypeError, "must be a number, got [2.0, 1.0]"),
        ({"scale_factor": (1.0, 2.0, 3.0)}, ValueError, "one number or two"),
        ({"size": 2, "mode": "bicubic"}, NotImplementedError, "here, got 'bicubic'"),
        ({"size": 2, "mode": "area"}, NotImplementedError, "nearest or bilinear"),
        ({"size": 2, "mode": "cubic"}, ValueError, "got 'cubic'"),
        ({"size": 2, "align_corners": False}, ValueError, "got False for 'nearest'"),
        ({"size": 2, "recompute_scale_factor": True}, ValueError, "a scale_factor"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(arguments, error, words):
    with pytest.raises(error) as caught:
        nn.Upsample(**arguments)
    assert words in str(caught.value)


def test_an_input_it_cannot_enlarge_is_refused():
    with pytest.raises(
        ValueError, match=r"scale_factor 0.2 leaves nothing of 3 pixels"
    ):
        nn.Upsample(scale_factor=0.2)(torch.zeros(1, 1, 5, 3))
    with pytest.raises(ValueError, match=r"height, width\), got \(2, 0, 3, 4\)"):
        nn.Upsample(2)(torch.zeros(2, 0, 3, 4))
    with pytest.raises(TypeError, match=r"Upsample needs floating.*torch\.int64"):
        nn.Upsample(2)(torch.zeros(2, 1, 3, 4, dtype=torch.int64))
