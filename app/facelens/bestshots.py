"""The best picture of each person, kept in memory until someone asks for it. Nothing is written before."""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import cv2

from facelens import report
from facelens.files import make_folder, write_bytes
from facelens.types import Face, Frame, FrameReport, Quality

log = logging.getLogger(__name__)

MOST, MOST_BYTES = 50, 64_000_000
"""People whose picture is kept, and bytes of all pictures together; whoever was seen last stays."""
LEAST = 3
"""Frames in which a person must have been read: what is taken for a face for a moment is nobody."""
JPEG_QUALITY = 95
SHARP, TURN, LIT = 35.0, 22.0, 55.0
"""A good picture: sharpness and exposure from, 0..100, and the head turned by at most, degrees. Below, the panel calls
it soft, turned, or badly lit."""

Rank = tuple[bool, int, float]
WORST: Rank = (False, -1, 0.0)


def rank(face: Face) -> Rank | None:
    """How good this frame is as a picture of a tracked person; more is better. None where the face was not read in it.

    First whether the picture is good (sharp, lit, eyes to the camera), then the score that is shown, in whole points,
    then the quality of this very frame. Without a score the quality takes its place.
    """
    own = face.raw or face
    if face.score is None:
        return None if own.quality is None else (_good(own.quality), 0, own.quality.value)
    if own.score is None:
        # only followed in this frame: what is known of the person is not of this picture
        return None
    quality = own.quality
    return quality is None or _good(quality), round(face.score.value), 0.0 if quality is None else quality.value


def _good(quality: Quality) -> bool:
    turn = max(abs(quality.yaw), abs(quality.pitch))
    return quality.sharpness >= SHARP and quality.exposure >= LIT and turn <= TURN


@dataclass(frozen=True, slots=True, eq=False)
class BestShot:
    """The best frame of a person so far: ``picture`` is a JPEG file, ``report`` holds that person's face alone."""

    number: int
    rank: Rank
    picture: bytes
    report: FrameReport


class BestShots:
    """Keeps the best frame of each person of a session, as a JPEG. Encoding is done in a thread of its own.

    Args:
        on_change: called from that thread when there is one more or one fewer; should return at once.
    """

    def __init__(self, on_change: Callable[[], None] | None = None, most: int = MOST, limit: int = MOST_BYTES) -> None:
        self._on_change, self._most, self._limit = on_change, most, limit
        self._changed = threading.Condition()
        self._shots: OrderedDict[int, BestShot] = OrderedDict()
        self._waiting: dict[int, tuple[Rank, Frame, FrameReport]] = {}
        self._read: OrderedDict[int, int] = OrderedDict()
        """In how many frames each person was read, whoever was read last at the end."""
        self._turn = 0
        self._busy = self._closed = False
        self.thread = threading.Thread(target=self._run, name="facelens-shots", daemon=True)
        self.thread.start()

    def see(self, frame: Frame, found: FrameReport) -> None:
        """Look at a frame with its report; from any thread, and returns at once."""
        with self._changed:
            for face in found.faces:
                new, number = rank(face), face.track_id
                if new is None:
                    continue
                self._read[number] = self._read.pop(number, 0) + 1
                if number in self._shots:
                    self._shots.move_to_end(number)
                if self._read[number] < LEAST:
                    continue
                best = self._best(number)
                if (best is None or new > best) and (number in self._waiting or len(self._waiting) < self._most):
                    self._waiting[number] = new, frame, replace(found, faces=(face,))
                    self._changed.notify_all()
            while len(self._read) > 2 * self._most:
                self._read.popitem(last=False)

    def _best(self, number: int) -> Rank | None:
        if number in self._waiting:
            return self._waiting[number][0]
        return self._shots[number].rank if number in self._shots else None

    def forget(self) -> None:
        """Drop all pictures: the people of the next session have other numbers."""
        with self._changed:
            self._turn += 1
            for kept in (self._shots, self._waiting, self._read):
                kept.clear()
        self._tell()

    def rank_anew(self) -> None:
        """The rule of the score has changed: what was kept gives way to the next frame that is read."""
        with self._changed:
            self._turn += 1
            self._waiting.clear()
            for number, shot in self._shots.items():
                self._shots[number] = replace(shot, rank=WORST)

    def shots(self) -> tuple[BestShot, ...]:
        """One for each person, by their numbers."""
        with self._changed:
            return tuple(sorted(self._shots.values(), key=lambda shot: shot.number))

    def __len__(self) -> int:
        return len(self._shots)

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is left to be encoded; False where it is not so after ``timeout`` s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self, timeout: float) -> bool:
        """End the thread; False where it still runs after ``timeout`` s."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                waiting, self._waiting, turn, self._busy = self._waiting, {}, self._turn, True
            pictures: dict[int, bytes] = {}
            for number, (new, frame, found) in waiting.items():
                # people who were best in the same frame share one picture
                if id(frame) not in pictures:
                    pictures[id(frame)] = _jpeg(frame)
                self._keep(turn, BestShot(number, new, pictures[id(frame)], found))

    def _keep(self, turn: int, shot: BestShot) -> None:
        with self._changed:
            before = len(self._shots)
            old = self._shots.get(shot.number)
            if turn != self._turn or (old is not None and old.rank >= shot.rank):
                # forgotten meanwhile, or a better one was quicker
                return
            self._shots[shot.number] = shot
            self._shots.move_to_end(shot.number)
            while len(self._shots) > 1 and (len(self._shots) > self._most or self._bytes() > self._limit):
                self._shots.popitem(last=False)
            changed = len(self._shots) != before
        if changed:
            self._tell()

    def _bytes(self) -> int:
        return sum(len(picture) for picture in {id(s.picture): s.picture for s in self._shots.values()}.values())

    def _tell(self) -> None:
        if self._on_change is not None:
            self._on_change()


def _jpeg(frame: Frame) -> bytes:
    good, packed = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert good, "a frame that was analysed can be encoded"
    return packed.tobytes()


def save(folder: Path, shots: Sequence[BestShot], source: str) -> list[Path]:
    """Write one JPEG a person, and one .jsonl file with a line for each: the reading in form ``facelens/1``, the file's
    name as ``picture``, and the person's number as ``person``.

    Args:
        folder: made if it is missing.
        source: what the reports come from.

    Returns:
        The pictures' paths, in the order of ``shots``.

    Raises:
        OutputError: the folder cannot be made or written, or the disk is full. What was written before stays.
    """
    make_folder(folder)
    stem = f"facelens-best-{datetime.now():%Y%m%d-%H%M%S-%f}"[:-3]
    paths, lines = [], []
    for shot in shots:
        path = folder / f"{stem}-person-{shot.number}.jpg"
        write_bytes(path, shot.picture)
        paths.append(path)
        line = {"picture": path.name, "person": shot.number, **report.to_dict(shot.report, source)}
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    write_bytes(folder / f"{stem}.jsonl", "".join(lines).encode("utf-8"))
    return paths
