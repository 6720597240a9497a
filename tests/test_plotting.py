"""Every figure function draws on the Axes it gets, returns it, and refuses misfits."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from dlbook import plotting
from dlbook.runtime import generator


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    figure.canvas.draw()
    plt.close(figure)


def rand(*shape):
    return torch.rand(*shape, generator=generator(0))


def test_the_style_is_opaque_and_tells_lines_apart_by_colour_and_dash():
    plotting.style()
    cycle = plt.rcParams["axes.prop_cycle"]
    assert plt.rcParams["savefig.facecolor"] == "white"
    assert len({(entry["color"], entry["linestyle"]) for entry in cycle}) == 7
    assert len({entry["color"] for entry in cycle}) == 7


def test_curves_draw_each_line_with_its_name_at_its_place(ax):
    assert (
        plotting.curves({"a": [1, 2], "b": torch.tensor([3.0, 4.0])}, ax, x=[5, 7])
        is ax
    )
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    assert ax.lines[1].get_xydata().tolist() == [[5, 3], [7, 4]]
    with pytest.raises(ValueError, match="'c' has 3 values, but x has 2"):
        plotting.curves({"c": [1, 2, 3]}, ax, x=[5, 7])


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 1, 4, 6), (5, 3, 4, 6)])
def test_an_image_grid_holds_every_pixel_of_every_image(ax, shape):
    images = rand(*shape)
    assert plotting.image_grid(images, ax, titles=list("abcde"), columns=3) is ax
    drawn = ax.images[0].get_array().compressed()
    np.testing.assert_allclose(np.sort(drawn), np.sort(images.flatten().numpy()))
    assert [text.get_text() for text in ax.texts] == list("abcde")


def test_an_image_grid_refuses_what_is_no_stack_of_images(ax):
    with pytest.raises(ValueError, match=r"got \(4, 6\)"):
        plotting.image_grid(rand(4, 6), ax)
    with pytest.raises(ValueError, match=r"got \(5, 2, 4, 6\)"):
        plotting.image_grid(rand(5, 2, 4, 6), ax)
    with pytest.raises(ValueError, match="5 images need 5 titles, got 1"):
        plotting.image_grid(rand(5, 4, 6), ax, titles=["a"])


def test_an_image_grid_refuses_no_images_and_colours_out_of_range(ax):
    with pytest.raises(ValueError, match="got 0 of 1 channels"):
        plotting.image_grid(rand(0, 1, 4, 6), ax)
    with pytest.raises(ValueError, match="got 2 of 3 channels"):
        plotting.image_grid(rand(2, 3, 4, 6) + 1, ax)


def test_a_figure_with_another_number_of_classes_than_names_is_refused(ax):
    with pytest.raises(ValueError, match=r"1 class names .* got \(2, 2\)"):
        plotting.confusion_matrix(torch.eye(2), ax, ["a"])
    with pytest.raises(ValueError, match="at most 7 classes, got 8"):
        plotting.decision_regions(None, rand(8, 2), torch.arange(8), ax)


def test_kernels_are_coloured_symmetrically_around_zero(ax):
    plotting.kernels(torch.nn.Parameter(rand(4, 2, 3, 3) - 0.2), ax)
    low, high = ax.images[0].get_clim()
    assert low == -high < 0


def test_feature_maps_show_one_tile_a_channel(ax):
    plotting.feature_maps(rand(6, 4, 5), ax)
    assert ax.images[0].get_array().count() == 6 * 4 * 5


def test_a_confusion_matrix_writes_every_count_that_is_not_zero(ax):
    plotting.confusion_matrix(torch.tensor([[8, 0], [2, 9]]), ax, ["a", "b"])
    assert sorted(text.get_text() for text in ax.texts) == ["2", "8", "9"]


def test_decision_regions_colour_each_point_by_the_class_predicted_there(ax):
    inputs, labels = rand(20, 2), torch.arange(20) % 2
    plotting.decision_regions(
        lambda p: torch.stack([p[:, 1], p[:, 0]], 1), inputs, labels, ax
    )
    [regions] = [c for c in ax.collections if hasattr(c, "levels")]
    upper_left, lower_right = (-0.1, 0.9), (0.9, -0.1)
    first, second = regions.get_paths()
    assert first.contains_point(upper_left)
    assert second.contains_point(lower_right)
    assert not first.contains_point(lower_right)


def test_contours_and_a_path_share_an_axes(ax):
    plotting.contours(lambda x, y: x**2 + y**2, ax, (-1, 1), (-2, 2), levels=[0.5])
    plotting.path(torch.tensor([[1.0, 1.0], [0.5, 0.2]]), ax, label="way")
    [level] = ax.collections
    radii = np.hypot(*level.get_paths()[0].vertices.T)
    np.testing.assert_allclose(radii, np.sqrt(0.5), atol=1e-3)
    assert ax.lines[0].get_label() == "way"
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0.5, 0.2]], rtol=1e-6)


BOXES = torch.tensor([[1.0, 2, 5, 8], [0, 0, 0, 0], [3, 0, 6, 4]])


def test_boxes_lie_at_their_edges_over_the_image_and_padding_is_left_out(ax):
    image = rand(1, 9, 7)
    assert plotting.boxes(image, BOXES, ax, labels=["a", "b", "c"]) is ax
    np.testing.assert_array_equal(ax.images[0].get_array(), image[0])
    assert ax.images[0].get_extent() == [0, 7, 9, 0]
    drawn = [patch.get_bbox().extents.tolist() for patch in ax.patches]
    assert drawn == [[1, 2, 5, 8], [3, 0, 6, 4]]
    assert [text.get_text() for text in ax.texts] == ["a", "c"]
    assert [text.get_position() for text in ax.texts] == [(1, 2), (3, 0)]


def test_styles_of_boxes_differ_in_colour_dash_and_place_of_the_label(ax):
    ax.set(xlim=(0, 7), ylim=(9, 0))
    for style in range(3):
        plotting.boxes(None, BOXES[:1], ax, ["a"], style=style)
    assert not ax.images
    assert len({patch.get_edgecolor() for patch in ax.patches}) == 3
    assert len({patch.get_linestyle() for patch in ax.patches}) == 3
    assert ax.texts[0].get_position() == (1, 2)
    assert ax.texts[1].get_position() == (1, 8)


@pytest.mark.parametrize("shape", [(9, 7), (3, 9, 7)])
def test_boxes_are_drawn_over_grey_and_coloured_images(ax, shape):
    image = rand(*shape)
    plotting.boxes(image, BOXES, ax)
    expected = image if len(shape) == 2 else image.permute(1, 2, 0)
    np.testing.assert_array_equal(ax.images[0].get_array(), expected)
    assert ax.images[0].get_clim() == (0, 1)
    assert not ax.texts


def test_boxes_that_make_no_sense_are_refused(ax):
    with pytest.raises(ValueError, match=r"boxes must be \(n, 4\), got \(4,\)"):
        plotting.boxes(None, BOXES[0], ax)
    with pytest.raises(ValueError, match="3 boxes need as many labels, got 1"):
        plotting.boxes(None, BOXES, ax, labels=["a"])
    with pytest.raises(ValueError, match="style must be 0, 1 or 2, got 3"):
        plotting.boxes(None, BOXES, ax, style=3)
    with pytest.raises(ValueError, match=r"image must be .* got \(2, 9, 7\)"):
        plotting.boxes(rand(2, 9, 7), BOXES, ax)


NAMES = ["background", *"abcdefghij"]


def test_a_segmentation_colours_each_class_and_names_each_region_at_its_centre(ax):
    mask = torch.zeros(8, 12, dtype=torch.long)
    mask[0:2, 0:4] = 2
    mask[5:8, 1:4] = 2
    mask[0:4, 8:10] = 10
    mask[4:6, 6:8] = 10  # touches the last at a corner: one region
    mask[7, 11] = 1  # too small for a name
    assert plotting.segmentation(mask, ax, NAMES) is ax
    np.testing.assert_array_equal(ax.images[0].get_array(), mask)
    assert ax.images[0].get_extent() == [0, 12, 8, 0]
    written = [(text.get_text(), *text.get_position()) for text in ax.texts]
    assert sorted(written)[:2] == [("b", 2, 1), ("b", 2.5, 6.5)]
    assert sorted(written)[2:] == [("j", pytest.approx(25 / 3), pytest.approx(3))]


def test_all_eleven_classes_of_a_segmentation_have_a_colour_of_their_own(ax):
    mask = torch.arange(11).reshape(1, 11)
    plotting.segmentation(mask, ax, NAMES)
    colors = ax.images[0].to_rgba(mask.numpy())[0]
    assert len({tuple(color) for color in colors.tolist()}) == 11
    assert colors[0, :3].min() > 0.9


def test_masks_that_do_not_fit_their_names_are_refused(ax):
    with pytest.raises(ValueError, match=r"\(height, width\), got \(1, 2, 3\)"):
        plotting.segmentation(torch.zeros(1, 2, 3).long(), ax, NAMES)
    with pytest.raises(ValueError, match="at most 11 classes, got 12"):
        plotting.segmentation(torch.zeros(2, 3).long(), ax, [*NAMES, "k"])
    with pytest.raises(ValueError, match="2 class names need classes 0 … 1, got 0 … 3"):
        plotting.segmentation(torch.tensor([[0, 3]]), ax, NAMES[:2])


def test_a_heat_map_shades_each_number_at_its_row_and_column(ax):
    weights = rand(2, 3)
    assert plotting.heat_map(weights, ax, ["a", "b", "long"], ["x", "y"]) is ax
    np.testing.assert_array_equal(ax.images[0].get_array(), weights)
    assert ax.images[0].get_clim() == (0, 1)
    labels = ax.get_xticklabels()
    assert [label.get_text() for label in labels] == ["a", "b", "long"]
    assert {label.get_rotation() for label in labels} == {90}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x", "y"]


def test_a_heat_map_refuses_a_table_of_another_shape(ax):
    with pytest.raises(ValueError, match=r"2 row and 3 column .*got \(3, 2\)"):
        plotting.heat_map(rand(3, 2), ax, list("abc"), list("xy"))
