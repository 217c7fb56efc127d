"""People over time: numbers that stay, readings fused per person, boxes and points without jitter."""

from __future__ import annotations

from facelens.tracking.assignment import assign
from facelens.tracking.tracks import KEEP_SECONDS, USUAL_SMOOTHING, TrackCounts, Tracker

__all__ = ["KEEP_SECONDS", "USUAL_SMOOTHING", "TrackCounts", "Tracker", "assign"]
