"""Records what a live session saw: an annotated clip, and the reports beside it as JSON lines."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from facelens import report
from facelens.errors import OutputError
from facelens.files import shown
from facelens.paint_cv import annotate
from facelens.types import Frame, FrameReport

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
LONGEST_GAP = 5.0
"""A live source that was silent longer than this, in seconds, does not fill the clip with still pictures."""


class Recorder:
    """Writes each analysed frame with its overlay, and its report as one line of a .jsonl file of the same name.

    Of a live source, which skips frames, the clip repeats pictures so that it plays in real time. Both files get
    their names when they are complete (``close``).

    Args:
        path: .mp4 or .avi.
        fps: of the clip.
        live: whether the frames' times count.

    Raises:
        OutputError: another ending, or the folder is missing.
    """

    def __init__(self, path: Path, fps: float, live: bool) -> None:
        self.path, self._fps, self._live = path, fps, live
        self._what = f"Cannot record to {shown(path)}"
        if path.suffix.lower() not in CODECS:
            raise OutputError(self._what, f"'{path.suffix}' is no clip's ending", f"Use {' or '.join(CODECS)}")
        if not path.parent.is_dir():
            raise OutputError(self._what, f"there is no folder {shown(path.parent)}", "Make it first")
        beside = path.with_name(f".facelens-{secrets.token_hex(6)}{path.suffix}")
        self._parts = {beside: path, beside.with_suffix(".jsonl"): path.with_suffix(".jsonl")}
        self._clip, self._text = self._parts
        self._video: cv2.VideoWriter | None = None
        self._lines: IO[str] | None = None
        self._size = (0, 0)
        self._first = 0.0
        self.written = 0

    def add(self, frame: Frame, found: FrameReport, source: str) -> None:
        """One frame and its report.

        Raises:
            OutputError: no encoder writes this form, the folder is not writable, the disk is full.
        """
        if self._video is None:
            self._begin(frame)
        assert self._video is not None
        assert self._lines is not None
        image = annotate(frame.image, found)
        if (frame.width, frame.height) != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        for _ in range(self._due(frame.captured_at)):
            self._video.write(image)
            self.written += 1
        line = {"frame": found.frame_index, "seconds": round(frame.captured_at - self._first, 4)}
        try:
            self._lines.write(json.dumps(line | report.to_dict(found, source), ensure_ascii=False) + "\n")
            self._lines.flush()
        except OSError as error:
            raise OutputError(self._what, error.strerror or str(error), "Free some space") from error

    def close(self) -> None:
        """Complete both files and give them their names; nothing appears where nothing was recorded.

        Raises:
            OutputError: they cannot get their names, or the clip is empty because the disk is full.
        """
        if self._video is None or self._lines is None:
            return
        self._video.release()
        self._video = None
        try:
            # what the disk still held is kept, even where the last line is not
            with suppress(OSError):
                self._lines.close()
            if not self._clip.is_file() or self._clip.stat().st_size == 0:
                raise OutputError(self._what, "nothing could be written", "Free some space, or choose another place")
            for part, name in self._parts.items():
                part.replace(name)
        except OSError as error:
            raise OutputError(self._what, error.strerror or str(error), "Choose another place") from error
        finally:
            for part in self._parts:
                part.unlink(missing_ok=True)

    def _begin(self, frame: Frame) -> None:
        self._size, self._first = (frame.width, frame.height), frame.captured_at
        try:
            self._lines = self._text.open("w", encoding="utf-8")
        except OSError as error:
            raise OutputError(self._what, error.strerror or str(error), "Choose another place") from error
        code = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        self._video = cv2.VideoWriter(str(self._clip), code, self._fps, self._size)
        if not self._video.isOpened():
            self._video = None
            self._lines.close()
            self._text.unlink(missing_ok=True)
            other = next(suffix for suffix in CODECS if suffix != self.path.suffix.lower())
            raise OutputError(self._what, "no encoder of this computer writes that form", f"Try the ending {other}")

    def _due(self, captured_at: float) -> int:
        """How many pictures of the clip this frame stands for."""
        if not self._live:
            return 1
        due = round((captured_at - self._first) * self._fps) + 1 - self.written
        if due > LONGEST_GAP * self._fps:
            self._first += (due - 1) / self._fps
            return 1
        return max(due, 0)
