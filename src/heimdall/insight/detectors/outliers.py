"""Isolation forest and one-class SVM over a service's vital signs, as two votes among others.

Both are fitted by scikit-learn on the vectors of the recent past, all services together, each relative to its own
usual values. What a fit has learnt is taken out as arrays, so scoring a step costs some array operations in place of
milliseconds in a loop over trees, and a checkpoint holds the models themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray

FEATURES = ("volume", "error_share", "warning_share", "latency")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierConfig:
    vectors: int = 2_048
    """Newest vectors that a fit sees."""
    refit_vectors: int = 8_192
    """Vectors between two fits, each about 0.1 s. Larger: models lag behind what has become usual."""
    trees: int = 40
    seed: int = 7


class OutlierVotes:
    """Two scores a vector, larger = odder; NaN until the first fit."""

    def __init__(self, config: OutlierConfig | None = None) -> None:
        self._config = config or OutlierConfig()
        self._ring = np.zeros((self._config.vectors, len(FEATURES)))
        self._taken = 0
        self._fitted_at = 0
        self._forest: dict[str, NDArray[np.generic]] = {}
        self._svm: dict[str, NDArray[np.generic]] = {}

    def scores(self, vectors: FloatArray) -> FloatArray:
        """Shape (n, 2) of vectors of shape (n, len(FEATURES))."""
        if not self._forest:
            return np.full((len(vectors), 2), np.nan)
        return np.column_stack([_forest_score(self._forest, vectors), _svm_score(self._svm, vectors)])

    def learn(self, vectors: FloatArray) -> None:
        places = (self._taken + np.arange(len(vectors))) % self._config.vectors
        self._ring[places] = np.clip(vectors, -50, 50)
        self._taken += len(vectors)
        first = not self._forest and self._taken >= self._config.vectors
        if first or (self._forest and self._taken - self._fitted_at >= self._config.refit_vectors):
            self._fit()

    def _fit(self) -> None:
        from sklearn.ensemble import IsolationForest  # a second to import
        from sklearn.svm import OneClassSVM

        config = self._config
        forest = IsolationForest(n_estimators=config.trees, max_samples=256, random_state=config.seed).fit(self._ring)
        self._forest = _forest_arrays([tree.tree_ for tree in forest.estimators_])
        svm = OneClassSVM(nu=0.02, gamma=0.25).fit(self._ring[:: max(1, len(self._ring) // 512)])
        self._svm = {
            "support": svm.support_vectors_, "weights": svm.dual_coef_[0], "offset": svm.intercept_,
        }  # fmt: skip
        self._fitted_at = self._taken

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        state: dict[str, NDArray[np.generic]] = {
            "ring": self._ring, "progress": np.array([self._taken, self._fitted_at])
        }  # fmt: skip
        state |= {f"forest.{name}": array for name, array in self._forest.items()}
        return state | {f"svm.{name}": array for name, array in self._svm.items()}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._ring = np.array(arrays["ring"], np.float64)
        self._taken, self._fitted_at = (int(value) for value in arrays["progress"].tolist())
        self._forest, self._svm = (
            {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            for prefix in ("forest.", "svm.")
        )


def _forest_arrays(trees: list[object]) -> dict[str, NDArray[np.generic]]:
    """Nodes of all trees side by side; a leaf is its own child, and holds its depth plus what lies below it."""
    size = max(tree.node_count for tree in trees)  # type: ignore[attr-defined]
    shape = (len(trees), size)
    left, right, feature = (np.zeros(shape, np.int64) for _ in range(3))
    threshold, length = np.zeros(shape), np.zeros(shape)
    deepest = 0
    for number, tree in enumerate(trees):
        count = tree.node_count  # type: ignore[attr-defined]
        own = np.arange(count)
        children_left, children_right = tree.children_left, tree.children_right  # type: ignore[attr-defined]
        leaf = children_left < 0
        left[number, :count] = np.where(leaf, own, children_left)
        right[number, :count] = np.where(leaf, own, children_right)
        feature[number, :count] = np.where(leaf, 0, tree.feature)  # type: ignore[attr-defined]
        threshold[number, :count] = tree.threshold  # type: ignore[attr-defined]
        depth = np.zeros(count)
        for node in np.flatnonzero(~leaf):  # parents stand before their children
            depth[[children_left[node], children_right[node]]] = depth[node] + 1
        length[number, :count] = depth + _average_path(tree.n_node_samples)  # type: ignore[attr-defined]
        deepest = max(deepest, int(depth.max()))
    return {
        "left": left, "right": right, "feature": feature, "threshold": threshold, "length": length,
        "depth": np.array([deepest]),
    }  # fmt: skip


def _average_path(samples: NDArray[np.int64]) -> FloatArray:
    """Mean length of an unsuccessful search in a tree of `samples` points (Liu, Ting and Zhou, ICDM 2008, eq. 1)."""
    size = np.maximum(np.asarray(samples, np.float64), 1.0)
    harmonic = np.log(np.maximum(size - 1, 1)) + np.euler_gamma
    return np.where(size > 2, 2 * harmonic - 2 * (size - 1) / size, np.where(size == 2, 1.0, 0.0))


def _forest_score(forest: dict[str, NDArray[np.generic]], vectors: FloatArray) -> FloatArray:
    trees = np.arange(forest["left"].shape[0])[None, :]
    node = np.zeros((len(vectors), trees.shape[1]), np.int64)
    rows = np.arange(len(vectors))[:, None]
    for _ in range(int(forest["depth"][0])):
        goes_left = vectors[rows, forest["feature"][trees, node]] <= forest["threshold"][trees, node]
        node = np.where(goes_left, forest["left"][trees, node], forest["right"][trees, node])
    mean = forest["length"][trees, node].mean(axis=1)
    return np.asarray(2.0 ** (-mean / float(_average_path(np.array([256]))[0])), np.float64)


def _svm_score(svm: dict[str, NDArray[np.generic]], vectors: FloatArray) -> FloatArray:
    squared = ((vectors[:, None, :] - np.asarray(svm["support"], np.float64)[None]) ** 2).sum(axis=2)
    inside = np.exp(-0.25 * squared) @ np.asarray(svm["weights"], np.float64)
    return np.asarray(np.maximum(-(inside + float(svm["offset"][0])), 0.0), np.float64)
