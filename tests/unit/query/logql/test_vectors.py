"""Aggregations over series, where a value is odd."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.query.logql.series import Matrix
from heimdall.query.logql.vectors import chosen


@pytest.mark.parametrize(("largest", "value"), [(False, np.inf), (True, -np.inf), (True, np.nan)])
def test_a_present_value_is_chosen_before_an_absent_one(largest: bool, value: float) -> None:
    labels = ((("a", "1"),), (("a", "2"),))
    matrix = Matrix(labels, np.array([[0.0], [value]]), np.array([[False], [True]]))
    assert chosen(matrix, [[0, 1]], 1, largest=largest).labels == ((("a", "2"),),)
