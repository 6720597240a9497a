"""Tables from scikit-learn as tensors, and standardizing them."""

import pytest
import torch
from sklearn.preprocessing import StandardScaler

from dlbook import data

SIZES = {
    data.breast_cancer: (455, 114, 30, ("malignant", "benign")),
    data.wine: (142, 36, 13, ("class_0", "class_1", "class_2")),
    data.diabetes: (353, 89, 10, ()),
}
loaders = pytest.mark.parametrize("load", SIZES, ids=lambda load: load.__name__)


@loaders
def test_a_table_has_its_published_size_and_names(load):
    train, test, features, class_names = SIZES[load]
    table = load()
    for (inputs, targets), rows in ((table.train, train), (table.test, test)):
        assert inputs.shape == (rows, features)
        assert inputs.dtype == torch.float32
        assert targets.shape == (rows,)
        assert targets.dtype == (torch.int64 if class_names else torch.float32)
    assert len(table.feature_names) == features
    assert table.class_names == class_names


@loaders
def test_the_two_parts_share_no_row_and_a_seed_decides_which(load):
    table, again, other = load(seed=1), load(seed=1), load(seed=2)
    rows = torch.cat([table.train[0], table.test[0]])
    assert len(rows.unique(dim=0)) == len(rows)
    assert torch.equal(table.test[0], again.test[0])
    assert not torch.equal(table.test[0], other.test[0])


def test_classes_keep_their_shares():
    table = data.breast_cancer()
    for _, targets in (table.train, table.test):
        assert targets.double().mean() == pytest.approx(357 / 569, abs=0.005)


def test_the_diabetes_table_is_in_its_own_units():
    table = data.diabetes()
    ages = torch.cat([table.train[0], table.test[0]])[
        :, table.feature_names.index("age")
    ]
    assert (ages.min(), ages.max()) == (19, 79)


def test_standardizing_equals_scikit_learns_on_rows_seen_and_unseen():
    table = data.breast_cancer()
    train, test = table.train[0].double(), table.test[0].double()
    ours, theirs = data.Standardizer.of(train), StandardScaler().fit(train.numpy())
    for rows in (train, test):
        expected = torch.from_numpy(theirs.transform(rows.numpy()))
        torch.testing.assert_close(ours(rows), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(ours(train).mean(0), torch.zeros(30).double())
    torch.testing.assert_close(
        ours(train).std(0, correction=0), torch.ones(30).double()
    )


def test_a_feature_that_never_varies_is_only_shifted():
    rows = torch.tensor([[5.1, 1.0], [5.1, 3.0], [5.1, 2.0]])
    assert torch.equal(data.Standardizer.of(rows)(rows)[:, 0], torch.zeros(3))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (torch.zeros(0, 3), r"n ≥ 1, got \(0, 3\)"),
        (torch.zeros(3), r"got \(3,\)"),
        (torch.tensor([[1.0, torch.nan]]), "1 values are NaN"),
    ],
)
def test_rows_that_cannot_be_measured_are_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        data.Standardizer.of(rows)


def test_whole_numbers_are_refused_as_rows():
    with pytest.raises(TypeError, match=r"floating-point rows, got torch\.int64"):
        data.Standardizer.of(torch.ones(3, 2, dtype=torch.int64))


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"3 features, got \(2, 4\)"):
        data.Standardizer.of(torch.rand(5, 3))(torch.rand(2, 4))
