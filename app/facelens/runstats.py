"""The figures of a live run, in the one form of ``--stats``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from facelens.live import Follows
from facelens.livestats import LiveStats
from facelens.referee import Referee
from facelens.sources.base import FrameSource
from facelens.timing import Latency, Spread
from facelens.types import FrameReport


class Counts(Protocol):
    """What a tracker may tell of itself, as its attribute ``counts``."""

    @property
    def created(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def revived(self) -> int: ...
    @property
    def label_changes(self) -> int: ...


class Follower:
    """A tracker, watched: its reports are compared with the truth where the source knows it.

    Used by the analysis thread; ``figures`` may be read when that has ended.

    Args:
        source: None where nothing is to be compared.
    """

    def __init__(self, tracker: Follows, source: FrameSource | None = None) -> None:
        self.tracker = tracker
        self._source, self._referee = source, Referee()
        self._judged = False

    def update(self, report: FrameReport) -> FrameReport:
        """The tracker's report."""
        followed = self.tracker.update(report)
        truth = self._source.truth(report.frame_index) if self._source is not None else None
        if truth is not None:
            self._judged = True
            self._referee.update(followed, truth)
        return followed

    def figures(self) -> dict[str, Any]:
        """``tracks``, ``label_changes`` and ``jitter_px``; None where tracker or source do not tell."""
        counts: Counts | None = getattr(self.tracker, "counts", None)
        jitter = self._referee.jitter_px
        return {
            "tracks": {
                "created": None if counts is None else counts.created,
                "lost": None if counts is None else counts.lost,
                "revived": None if counts is None else counts.revived,
                "id_switches": self._referee.id_switches if self._judged else None,
            },
            "label_changes": None if counts is None else counts.label_changes,
            "jitter_px": None if jitter is None else round(jitter, 3),
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """What reached the eye: frames, frames/s, and the time from capture to paint (headless: to the result)."""

    frames: int
    fps: float
    latency: Latency


def form(
    live: LiveStats,
    shown: Shown,
    follower: Follower,
    *,
    heartbeat: Spread | None,
    rss_mib: tuple[float | None, float | None],
    threads: tuple[int, int],
    providers: Mapping[str, str],
) -> dict[str, Any]:
    """The figures of a run that has stopped, ready for JSON.

    Args:
        heartbeat: gaps between the beats of the window's thread; None where no window ran.
        rss_mib: memory at the first frame and at the end, MiB.
        threads: how many were started and how many of them have ended.
        providers: model name -> short name of the provider it ran on.
    """
    latency = shown.latency
    beat = None if heartbeat is None else {"p50": heartbeat.p50, "p99": heartbeat.p99, "max": heartbeat.max}
    return {
        "fps_captured": round(live.fps_captured, 2),
        "fps_shown": round(shown.fps, 2),
        "latency_ms": _rounded({"p50": latency.p50, "p95": latency.p95, "p99": latency.p99}),
        "heartbeat_gap_ms": None if beat is None else _rounded(beat),
        "frames": {
            "captured": live.frames_captured,
            "analysed": live.frames_analysed,
            "shown": shown.frames,
            "skipped": live.frames_skipped,
        },
        **follower.figures(),
        "rss_mib": {"start": rss_mib[0], "end": rss_mib[1]},
        "threads": {"started": threads[0], "joined": threads[1]},
        "providers": dict(providers),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in values.items()}
