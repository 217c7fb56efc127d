"""The mean of what several networks say."""

from __future__ import annotations

import numpy as np

from facelens.opinions import mean

AGE, OTHER = np.float32([[0.2, 0.8]]), np.float32([[0.6, 0.4]])


def test_weights_count() -> None:
    found = mean([(1.0, {"age": AGE}), (3.0, {"age": OTHER})])
    np.testing.assert_allclose(found["age"], [[0.5, 0.5]])
    assert found["age"].dtype == np.float32


def test_only_what_the_first_one_says_is_told() -> None:
    first = {"age": AGE, "smile": np.float32([[0.3]])}
    found = mean([(1.0, first), (1.0, {"age": OTHER, "glasses": np.float32([[1.0]])})])
    assert set(found) == {"age", "smile"}
    np.testing.assert_allclose(found["smile"], [[0.3]])
    np.testing.assert_allclose(found["age"], [[0.4, 0.6]])


def test_what_has_another_form_is_left_out() -> None:
    found = mean([(1.0, {"age": AGE}), (5.0, {"age": np.float32([[0.1, 0.2, 0.7]])})])
    np.testing.assert_allclose(found["age"], AGE)


def test_ages_of_several_are_sharpened_and_those_of_one_are_not() -> None:
    both = [(1.0, {"age": AGE, "female": AGE}), (3.0, {"age": OTHER, "female": OTHER})]
    found = mean(both, 2.0)
    np.testing.assert_allclose(found["age"], [[0.5, 0.5]])
    np.testing.assert_allclose(found["female"], [[0.5, 0.5]])
    both[1] = (1.0, {"age": AGE})
    np.testing.assert_allclose(mean(both, 2.0)["age"], [[0.04 / 0.68, 0.64 / 0.68]], rtol=1e-6)
    np.testing.assert_allclose(mean(both[:1], 2.0)["age"], AGE)
