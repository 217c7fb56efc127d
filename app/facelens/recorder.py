"""Records what a live session saw: a clip, with or without overlay, and the reports beside it as JSON lines."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from facelens import report
from facelens.clipfile import BROWSER, CODECS, BrowserClip, ClipFile, OpenCvClip, fitted
from facelens.errors import FacelensError, OutputError
from facelens.files import output_error, shown
from facelens.overlay import OverlayOptions
from facelens.paint_cv import annotate
from facelens.types import Frame, FrameReport

log = logging.getLogger(__name__)

USUAL_FPS = 30.0
"""Of the clip where the source does not tell, and the most there is."""
LONGEST_GAP = 5.0
"""A live source that was silent longer than this, in seconds, does not fill the clip with still pictures."""
LARGEST = 1920
"""Longest side of the clip, px; larger pictures are made smaller, so that encoding keeps up."""
WAITING_BYTES, MOST_WAITING = 64_000_000, 16
"""Pictures that wait to be encoded: so many bytes, and at most so many."""
USUAL_OVERLAY = OverlayOptions()


class Recorder:
    """Writes frames as a clip, and their reports as lines of a .jsonl file of the same name.

    The clip has a constant rate. Of a live source a picture stands at the time it was captured, to the nearest place:
    what is between two is filled with the first, and what comes too early for the next place is left out, so that the
    clip plays at true speed. ``seconds`` of a line is the place in the clip. Pictures of another size than the first
    are fitted into it, with black beside them.

    WebM is written under its own name, and plays as far as it goes at any moment. The other forms, and their lines, get
    their names when they are complete (``close``).

    Args:
        path: .webm, .mp4 or .avi.
        fps: of the clip.
        live: whether the frames' times count; else each frame stands for one picture of the clip.

    Raises:
        OutputError: another ending, or the folder is missing.
    """

    def __init__(self, path: Path, fps: float, live: bool) -> None:
        self.path, self._fps, self._live = path, fps, live
        self._what = f"Cannot record to {shown(path)}"
        ending = path.suffix.lower()
        if ending not in (BROWSER, *CODECS):
            endings = f"{BROWSER}, {' or '.join(CODECS)}"
            raise OutputError(self._what, f"'{path.suffix}' is no clip's ending", f"Use {endings}")
        if not path.parent.is_dir():
            raise OutputError(self._what, f"there is no folder {shown(path.parent)}", "Make it first")
        beside = path if ending == BROWSER else path.with_name(f".facelens-{secrets.token_hex(6)}{path.suffix}")
        self._parts = {beside: path, beside.with_suffix(".jsonl"): path.with_suffix(".jsonl")}
        self._file, self._text = self._parts
        self._clip: ClipFile | None = None
        self._lines: IO[str] | None = None
        self._size = (0, 0)
        self._first = 0.0
        self.written = 0
        """Pictures in the clip."""

    @property
    def seconds(self) -> float:
        """Length of the clip so far."""
        return self.written / self._fps

    def add(
        self, frame: Frame, found: FrameReport, source: str, overlay: OverlayOptions | None = USUAL_OVERLAY
    ) -> None:
        """One frame and its report.

        Args:
            overlay: what is drawn over the picture; None for the picture alone.

        Raises:
            OutputError: no encoder writes this form, the folder is not writable, the disk is full.
        """
        clip, lines = self._begin(frame)
        place, seconds = self._place(frame.captured_at)
        try:
            while self.written < place:
                clip.again()
                self.written += 1
            if self.written == place:
                image = frame.image if overlay is None else annotate(frame.image, found, overlay)
                clip.write(fitted(image, self._size))
                self.written += 1
            line = {"frame": found.frame_index, "seconds": round(seconds, 4)}
            lines.write(json.dumps(line | report.to_dict(found, source), ensure_ascii=False) + "\n")
            lines.flush()
        except OSError as error:
            raise output_error(self._what, self.path, error) from error

    def close(self) -> None:
        """Complete both files; nothing is left where nothing was recorded.

        Raises:
            OutputError: they cannot get their names, or the clip is empty because the disk is full.
        """
        clip, lines = self._clip, self._lines
        if clip is None or lines is None:
            return
        self._clip = self._lines = None
        clip.close()
        # what the disk still held is kept, even where the last line is not
        with suppress(OSError):
            lines.close()
        kept = False
        try:
            if self.written == 0 or not self._file.is_file() or self._file.stat().st_size == 0:
                raise OutputError(self._what, "nothing could be written", "Free some space, or choose another place")
            for part, name in self._parts.items():
                part.replace(name)
            kept = True
        except OSError as error:
            raise output_error(self._what, self.path, error) from error
        finally:
            if not kept:
                for part in self._parts:
                    part.unlink(missing_ok=True)

    def _begin(self, frame: Frame) -> tuple[ClipFile, IO[str]]:
        if self._clip is not None and self._lines is not None:
            return self._clip, self._lines
        shrink = min(1.0, LARGEST / max(frame.width, frame.height))
        self._size = max(1, round(frame.width * shrink)), max(1, round(frame.height * shrink))
        self._first = frame.captured_at
        make = BrowserClip if self.path.suffix.lower() == BROWSER else OpenCvClip
        try:
            self._lines = self._text.open("w", encoding="utf-8")
            self._clip = make(self._file, self._fps, self._size, self._what)
        except (OSError, OutputError) as error:
            if self._lines is not None:
                self._lines.close()
                self._lines = None
                self._text.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise output_error(self._what, self.path, error) from error
            raise
        return self._clip, self._lines

    def _place(self, captured_at: float) -> tuple[int, float]:
        """Which picture of the clip a frame is, and at how many seconds it stands."""
        if not self._live:
            return self.written, self.written / self._fps
        seconds = captured_at - self._first
        place = round(seconds * self._fps)
        if place - self.written >= LONGEST_GAP * self._fps:
            silence = (place - self.written) / self._fps
            self._first += silence
            place, seconds = self.written, seconds - silence
        return place, seconds


class Recording:
    """A recorder in a thread of its own. Who gives it frames never waits for the encoder: few frames wait, and what
    comes while that is full is left out and counted.

    Args:
        source: name of the source, for the reports.
        waits: make who gives a frame wait instead, for sources of which every frame counts.
        on_end: called from the thread when the files are complete, also after an error; should return at once.
    """

    def __init__(
        self, recorder: Recorder, source: str, *, waits: bool = False, on_end: Callable[[], None] | None = None
    ) -> None:
        self.path = recorder.path
        self.error: FacelensError | None = None
        """Why it ended by itself."""
        self.dropped = 0
        """Frames that were left out because the encoder was behind."""
        self._recorder, self._source, self._waits, self._on_end = recorder, source, waits, on_end
        self._changed = threading.Condition()
        self._queue: deque[tuple[Frame, FrameReport, OverlayOptions | None]] = deque()
        self._stopping = self._complete = False
        self.thread = threading.Thread(target=self._run, name="facelens-record", daemon=True)
        self.thread.start()

    @property
    def seconds(self) -> float:
        """Length of the clip so far."""
        return self._recorder.seconds

    @property
    def written(self) -> int:
        """Pictures in the clip so far."""
        return self._recorder.written

    @property
    def stopping(self) -> bool:
        """No frame is taken any more."""
        return self._stopping

    @property
    def complete(self) -> bool:
        """The files are complete; the thread is about to end."""
        return self._complete

    def put(self, frame: Frame, found: FrameReport, overlay: OverlayOptions | None = USUAL_OVERLAY) -> None:
        """Give a frame and its report; ``overlay`` None records the picture alone. From any thread."""
        with self._changed:
            most = min(MOST_WAITING, max(2, WAITING_BYTES // max(1, frame.image.nbytes)))
            if self._waits:
                self._changed.wait_for(lambda: self._stopping or len(self._queue) < most)
            if self._stopping:
                return
            if len(self._queue) >= most:
                self.dropped += 1
                return
            self._queue.append((frame, found, overlay))
            self._changed.notify_all()

    def stop(self) -> None:
        """Take no more frames; those that wait are written, then the files are completed. Returns at once."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the files are complete; False where they are not after ``timeout`` s."""
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def _take(self) -> tuple[Frame, FrameReport, OverlayOptions | None] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            taken = self._queue.popleft() if self._queue else None
            self._changed.notify_all()
            return taken

    def _run(self) -> None:
        try:
            while (taken := self._take()) is not None:
                self._recorder.add(taken[0], taken[1], self._source, taken[2])
        except Exception as error:  # noqa: BLE001 - kept, and told by whoever asks
            self._keep(error)
        self.stop()
        with self._changed:
            self._queue.clear()
        try:
            self._recorder.close()
        except Exception as error:  # noqa: BLE001 - kept like the others
            self._keep(error)
        self._complete = True
        if self._on_end is not None:
            self._on_end()

    def _keep(self, error: Exception) -> None:
        if not isinstance(error, FacelensError):
            log.error("recording to %s", self.path, exc_info=error)
            cause = f"{type(error).__name__}: {error}"
            error = OutputError(f"Cannot record to {shown(self.path)}", cause, "Report this sentence as a fault")
        self.error = self.error or error
