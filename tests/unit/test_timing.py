"""Percentiles and rates, by hand."""

from __future__ import annotations

import pytest

from facelens.timing import LONGEST_MS, Durations, Latency, Rate, Spread


def durations(*values: float) -> Durations:
    made = Durations()
    for value in values:
        made.add(value)
    return made


def test_percentiles_of_a_hundred() -> None:
    seen = durations(*range(100, 0, -1))
    assert seen.latency() == Latency(50, 95, 99)
    assert seen.spread() == Spread(50, 95, 99, 100)
    assert seen.percentiles(0, 1, 100) == (1, 1, 100)


def test_percentiles_are_values_that_were_seen() -> None:
    # the middle of two is the lower one; one of four is 25 %, so the 26th percentile is the second
    assert durations(10, 30).percentiles(50) == (10,)
    assert durations(1, 2, 3, 40).percentiles(25, 26, 99) == (1, 2, 40)


def test_a_tenth_of_a_millisecond_is_told() -> None:
    seen = durations(4.26, 4.26, 4.26)
    # never more than the greatest that was seen
    assert seen.percentiles(50) == (4.26,)
    assert durations(4.26, 9).percentiles(50) == (pytest.approx(4.3),)


def test_one_alone_is_every_percentile() -> None:
    assert durations(7).latency() == Latency(7, 7, 7)


def test_before_the_first() -> None:
    assert Durations().latency() == Latency(0, 0, 0)
    assert Durations().spread() is None


def test_what_is_longer_than_the_scale_is_still_there() -> None:
    seen = durations(*[1.0] * 98, LONGEST_MS * 2, LONGEST_MS * 3)
    assert seen.spread() == Spread(1, 1, 3 * LONGEST_MS, 3 * LONGEST_MS)
    assert durations(-5).spread() == Spread(0, 0, 0, 0)


def test_memory_does_not_grow() -> None:
    seen = Durations()
    before = len(seen._bins)
    for index in range(10_000):
        seen.add(index % 700)
    assert seen.count == 10_000
    assert len(seen._bins) == before


def test_a_rate_counts_the_steps_between() -> None:
    rate = Rate()
    assert rate.fps == 0
    rate.add(5.0)
    assert rate.fps == 0
    for now in (5.5, 6.0, 7.0):
        rate.add(now)
    assert rate.fps == pytest.approx(1.5)
    assert rate.count == 4
