"""Votes of isolation forest and one-class SVM, out of arrays."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import IsolationForest

from heimdall.insight.detectors.outliers import OutlierConfig, OutlierVotes

CONFIG = OutlierConfig(vectors=512, refit_vectors=1_024)


def learnt() -> OutlierVotes:
    votes = OutlierVotes(CONFIG)
    votes.learn(np.random.default_rng(1).normal(size=(512, 4)))
    return votes


def test_both_votes_rank_an_outlier_above_everything_usual() -> None:
    scores = learnt().scores(np.r_[np.random.default_rng(2).normal(size=(50, 4)), [[8.0, 8.0, -8.0, 8.0]]])
    assert scores.argmax(axis=0).tolist() == [50, 50]


def test_the_forest_scores_as_scikit_learn_does() -> None:
    tested = np.random.default_rng(3).normal(size=(40, 4)) * 2
    reference = IsolationForest(n_estimators=CONFIG.trees, max_samples=256, random_state=CONFIG.seed)
    reference.fit(np.random.default_rng(1).normal(size=(512, 4)))
    assert np.allclose(learnt().scores(tested)[:, 0], -reference.score_samples(tested), atol=1e-6)


def test_nothing_is_said_before_the_first_fit() -> None:
    assert np.isnan(OutlierVotes(CONFIG).scores(np.zeros((2, 4)))).all()


def test_a_checkpoint_holds_the_models() -> None:
    first, second = learnt(), OutlierVotes(CONFIG)
    second.load({name: array.copy() for name, array in first.arrays().items()})
    tested = np.random.default_rng(4).normal(size=(20, 4))
    assert (first.scores(tested) == second.scores(tested)).all()
