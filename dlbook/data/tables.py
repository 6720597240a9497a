"""Tables: one row a sample, one column a measured feature, as plain tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from torch import Tensor

from dlbook.data.splits import Pair, split


@dataclass(frozen=True)
class LabelledTable:
    """Rows with a target each, split into a training and a test set.

    Attributes:
        train: Features ``(num_train, num_features)``, float32 in their own units, and
            targets ``(num_train,)``: classes as int64, or numbers as float32.
        test: The same for the rows kept aside.
        feature_names: What each column measures.
        class_names: What each class number means; empty if targets are numbers.
    """

    train: Pair
    test: Pair
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...] = ()


def breast_cancer(seed: int = 0, test_fraction: float = 0.2) -> LabelledTable:
    """Load 569 tumours described by 30 measures of their cell nuclei.

    Street, Wolberg & Mangasarian (1993), Nuclear feature extraction for breast tumor
    diagnosis; UCI, as scikit-learn ships it. Class 0 is malignant (212 rows), class 1
    benign (357). Columns differ in scale by a factor of a hundred thousand.

    Args:
        seed: Which rows are kept aside.
        test_fraction: Share of the rows in the test set, between 0 and 1.

    Returns:
        By default 455 rows to train on and 114 to test, classes in equal shares.

    Raises:
        ValueError: If ``test_fraction`` leaves either part without a class.
    """
    return _table(load_breast_cancer, seed, test_fraction, classes=True)


def wine(seed: int = 0, test_fraction: float = 0.2) -> LabelledTable:
    """Load 178 wines of three growers, described by 13 chemical measures.

    Aeberhard & Forina (1992), Wine, UCI, as scikit-learn ships it.

    Args:
        seed: Which rows are kept aside.
        test_fraction: Share of the rows in the test set, between 0 and 1.

    Returns:
        By default 142 rows to train on and 36 to test, classes in equal shares.

    Raises:
        ValueError: If ``test_fraction`` leaves either part without a class.
    """
    return _table(load_wine, seed, test_fraction, classes=True)


def diabetes(seed: int = 0, test_fraction: float = 0.2) -> LabelledTable:
    """Load 442 patients with ten measures each, and their disease a year later.

    Efron, Hastie, Johnstone & Tibshirani (2004), Least angle regression, §1; here the
    measures are in their own units, not scaled. The target counts the disease's
    progression, 25 to 346.

    Args:
        seed: Which rows are kept aside.
        test_fraction: Share of the rows in the test set, between 0 and 1.

    Returns:
        By default 353 rows to train on and 89 to test.

    Raises:
        ValueError: If ``test_fraction`` leaves either part empty.
    """
    return _table(load_diabetes, seed, test_fraction, classes=False, scaled=False)


def _table(
    load: Callable[..., Any],
    seed: int,
    test_fraction: float,
    classes: bool,
    **options: Any,
) -> LabelledTable:
    bunch = load(**options)
    inputs = torch.from_numpy(bunch.data).float()
    targets = torch.from_numpy(bunch.target)
    targets = targets.long() if classes else targets.float()
    train, test = split((inputs, targets), test_fraction, seed=seed, stratify=classes)
    class_names = tuple(str(name) for name in bunch.target_names) if classes else ()
    return LabelledTable(train, test, tuple(map(str, bunch.feature_names)), class_names)


@dataclass(frozen=True)
class Standardizer:
    """Shift and scale every feature to mean 0 and standard deviation 1.

    z = (x - mean) / std, with the mean and the deviation *of the training rows*, for
    every row that comes later, too. Make it by :meth:`of`. A feature that never varies
    there is only shifted. scikit-learn's ``StandardScaler`` does the same.

    Attributes:
        mean: Of each feature, ``(num_features,)``.
        std: Likewise; divided by n, not by n - 1; 1 where a feature never varies.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "Standardizer":
        """Measure the features of training rows.

        Args:
            rows: ``(n, num_features)``, floating-point.

        Returns:
            What standardizes these rows, and later ones alike.

        Raises:
            ValueError: If ``rows`` is empty, not a table, or holds NaN.
            TypeError: If ``rows`` is not floating-point.
        """
        if rows.ndim != 2 or len(rows) == 0:
            raise ValueError(
                f"expected rows (n, num_features) with n ≥ 1, got {tuple(rows.shape)}"
            )
        if not rows.is_floating_point():
            raise TypeError(f"expected floating-point rows, got {rows.dtype}")
        if missing := int(rows.isnan().sum()):
            raise ValueError(f"{missing} values are NaN: fill or drop them before")
        std = rows.std(dim=0, correction=0)
        varies = rows.amax(0) > rows.amin(0)
        return cls(rows.mean(0), torch.where(varies, std, torch.ones_like(std)))

    def __call__(self, rows: Tensor) -> Tensor:
        """Standardize rows.

        Args:
            rows: ``(..., num_features)``.

        Returns:
            A new tensor of the same shape.

        Raises:
            ValueError: If the number of features is another one.
        """
        if rows.shape[-1:] != self.mean.shape:
            raise ValueError(
                f"expected rows of {len(self.mean)} features, got {tuple(rows.shape)}"
            )
        return (rows - self.mean) / self.std
