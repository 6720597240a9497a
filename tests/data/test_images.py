"""The built-in images and the IDX format."""

import gzip
import os

import pytest
import torch

from dlbook import data

needs_data = pytest.mark.skipif(
    not os.environ.get("DLBOOK_DATA"), reason="DLBOOK_DATA is not set"
)


def test_digits_are_1797_images_of_ink_between_0_and_1():
    digits = data.digits()
    images = torch.cat([digits.train[0], digits.test[0]])
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == torch.float32
    assert (images.min(), images.max()) == (0, 1)
    assert torch.equal(images * 16, (images * 16).round())


def test_digits_keep_a_fifth_of_every_class_aside():
    digits = data.digits()
    train, test = digits.train[1].bincount(), digits.test[1].bincount()
    assert test.sum() == 360
    assert digits.class_names == tuple("0123456789")
    assert torch.all((test / (train + test) - 0.2).abs() < 0.005)


def test_the_seed_of_digits_chooses_the_images_kept_aside():
    first, again, other = data.digits(), data.digits(), data.digits(seed=1)
    assert torch.equal(first.test[0], again.test[0])
    assert not torch.equal(first.test[0], other.test[0])


def test_no_digit_is_both_in_the_training_and_in_the_test_set():
    digits = data.digits()
    rows = torch.cat([digits.train[0], digits.test[0]]).flatten(1)
    assert len(rows.unique(dim=0)) == len(rows)


def test_digits_pair_every_image_with_its_own_label():
    inputs, targets = data.digits().train
    middle_ink = inputs[:, 0, 3:5, 3:5].mean(dim=(1, 2))
    assert middle_ink[targets == 0].mean() < 0.1  # a zero is hollow
    assert middle_ink[targets == 1].mean() > 0.6


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 0.001])
def test_digits_refuse_a_fraction_that_empties_a_part(fraction):
    with pytest.raises(ValueError, match=r"fraction|classes"):
        data.digits(test_fraction=fraction)


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photographs_are_channels_first_and_between_0_and_1(name):
    photograph = data.photograph(name)
    assert photograph.shape == (3, 427, 640)
    assert photograph.dtype == torch.float32
    assert photograph.is_contiguous()
    assert 0 <= photograph.min() < 0.1
    assert 0.9 < photograph.max() <= 1


def test_the_sky_of_the_photograph_is_blue():
    red, _, blue = data.photograph("china")[:, :50].mean(dim=(1, 2))
    assert blue > red


def test_an_unknown_photograph_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"'rome'.*'china' or 'flower'"):
        data.photograph("rome")


def write_idx(path, content):
    path.write_bytes(gzip.compress(bytes(content)))
    return path


def test_idx_is_read_in_c_order(tmp_path):
    header = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]
    path = write_idx(tmp_path / "a.gz", [*header, 1, 2, 3, 4, 5, 255])
    expected = torch.tensor([[1, 2, 3], [4, 5, 255]], dtype=torch.uint8)
    assert torch.equal(data.read_idx(path), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no IDX file"),
        ([0, 0, 13, 1, 0, 0, 0, 1, 7], "starts with '00 00 0d'"),
        ([0, 0, 8, 1, 0, 0, 0, 3, 7, 7], "2 values, expected 3"),
        ([0, 0, 8, 1, 0, 0, 0, 1, 7, 7], "2 values, expected 1"),
        ([0, 0, 8, 2, 0, 0, 0, 1], "ends within its header of 12 bytes, after 8"),
        ([0, 0, 8, 1], "ends within its header of 8 bytes, after 4"),
    ],
)
def test_a_file_that_is_not_what_idx_says_is_refused(tmp_path, content, message):
    path = write_idx(tmp_path / "bad.gz", content)
    with pytest.raises(data.DataError, match=message):
        data.read_idx(path)


def test_a_gzip_file_with_damaged_content_is_refused(tmp_path):
    path = write_idx(tmp_path / "bad.gz", [0, 0, 8, 1, 0, 0, 0, 1, 7])
    content = bytearray(path.read_bytes())
    content[10] = 0xFF  # the first byte after the header: a block type that is none
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=r"no complete gzip file.*block type"):
        data.read_idx(path)


def test_a_truncated_gzip_file_is_refused(tmp_path):
    path = write_idx(tmp_path / "cut.gz", [0, 0, 8, 1, 0, 0, 0, 1, 7])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(data.DataError, match="no complete gzip file"):
        data.read_idx(path)


@needs_data
def test_fashion_mnist_is_the_published_set():
    fashion = data.fashion_mnist()
    assert fashion.train[0].shape == (60000, 1, 28, 28)
    assert fashion.test[0].shape == (10000, 1, 28, 28)
    assert fashion.train[1].bincount().tolist() == [6000] * 10
    assert fashion.test[1].bincount().tolist() == [1000] * 10
    assert fashion.train[1][:4].tolist() == [9, 0, 0, 3]  # as its paper's repository
    assert fashion.class_names[9] == "Ankle boot"
    assert len(fashion.class_names) == 10
    # mean and deviation that the literature normalises with
    assert fashion.train[0].mean() == pytest.approx(0.2860, abs=1e-4)
    assert fashion.train[0].std() == pytest.approx(0.3530, abs=1e-4)


@needs_data
def test_mnist_is_the_published_set():
    mnist = data.mnist()
    assert mnist.train[0].shape == (60000, 1, 28, 28)
    assert mnist.train[1][:6].tolist() == [5, 0, 4, 1, 9, 2]
    assert mnist.test[1][:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.train[0].mean() == pytest.approx(0.1307, abs=1e-4)
    assert mnist.train[0].std() == pytest.approx(0.3081, abs=1e-4)


@needs_data
def test_tiny_shakespeare_starts_with_the_first_citizen():
    text = data.tiny_shakespeare()
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.startswith("First Citizen:\nBefore we proceed any further")
