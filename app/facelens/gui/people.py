"""Remembers who is in view since when, and which of them the panel shows. No widgets."""

from __future__ import annotations

from facelens.types import Face, FrameReport

FORGET, LINGER = 10.0, 1.0
"""Seconds after which a person who left is forgotten; seconds for which the panel waits for one who is away."""


class People:
    """Who the panel shows: the one that was clicked, else the one it showed before, else the largest face."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self.current: int | None = None

    def update(self, report: FrameReport, now: float, *, linger: float = LINGER) -> Face | None:
        """Take in a report at ``now`` s; returns the face to show, None where the panel keeps or loses its face."""
        for face in report.faces:
            self._first.setdefault(face.track_id, now)
            self._last[face.track_id] = now
        for gone in [track for track, last in self._last.items() if now - last > FORGET]:
            del self._first[gone], self._last[gone]
        found = next((face for face in report.faces if face.track_id == self.current), None)
        if found is None and (self.current is None or now - self._last.get(self.current, -linger) >= linger):
            found = max(report.faces, key=lambda face: face.detection.box.area, default=None)
            self.current = found.track_id if found is not None else None
        return found

    def choose(self, track_id: int) -> None:
        self.current = track_id

    def next(self, report: FrameReport) -> None:
        """Choose the next person from left to right."""
        ids = [face.track_id for face in sorted(report.faces, key=lambda face: face.detection.box.x)]
        if ids:
            place = ids.index(self.current) + 1 if self.current in ids else 0
            self.current = ids[place % len(ids)]

    def seconds(self, track_id: int, now: float) -> float:
        """For how long a person has been in view."""
        return now - self._first.get(track_id, now)
