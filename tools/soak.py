"""A long run of the window with sources that change and get lost: what it holds in memory, threads and files.

python tools/soak.py [MINUTES]

Off screen, with the real networks, for so many minutes (30). The source changes every 20 s between the demo, a clip and
a network camera on the loopback interface, which goes away once a minute and comes back. What is held is noted once a
minute, in the middle of the demo's turn. Printed as JSON are these notes and, after a warm-up of a tenth of the time,
the growth of the resident set: the median of the last third of the notes less that of the first, as one note is some
MiB off by the pictures that are just under way. The exit code is 1 where memory grew by more than 10 MiB, or threads or
handles did not stay where they were.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2

from facelens import images
from facelens.machine import bound_arenas, rss_mib
from facelens.resources import asset

SWITCH_SECONDS, AWAY_EVERY, AWAY_SECONDS = 20, 60, 5
MOST_GROWTH = 10.0
"""MiB."""


class Camera:
    """A network camera that shows the portrait at 15 frames/s; ``away`` cuts its connections."""

    def __init__(self) -> None:
        picture = cv2.resize(images.load(asset("samples/astronaut.jpg")).image, (640, 480))
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        self.away = away = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if away.is_set():
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    while not away.is_set():
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                        time.sleep(1 / 15)
                except OSError:
                    return  # the window has hung up

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def clip(folder: Path) -> Path:
    """A clip of two minutes, so that it does not end."""
    picture = cv2.resize(images.load(asset("samples/astronaut.jpg")).image, (640, 480))
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (640, 480))
    for _ in range(25 * 120):
        writer.write(picture)
    writer.release()
    return path


def now_held() -> dict[str, float]:
    """What the process holds."""
    return {
        "rss_mib": rss_mib() or 0.0,
        "threads": sum(1 for _ in Path("/proc/self/task").iterdir()),
        "handles": sum(1 for _ in Path("/proc/self/fd").iterdir()),
    }


def growth(sizes: list[float]) -> float:
    """From the first third of ``sizes`` to the last."""
    third = -(-len(sizes) // 3)
    return statistics.median(sizes[-third:]) - statistics.median(sizes[:third]) if sizes else 0.0


def main() -> int:
    # as the programs begin (``facelens.start``): without it glibc holds one arena more for most threads of each source
    bound_arenas()
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        from PySide6.QtCore import QTimer

        from facelens.gui import app
        from facelens.gui.window import Window

        camera, path = Camera(), clip(Path(home))
        turn = itertools.cycle(("demo", str(path), camera.address))
        held: list[dict[str, float]] = []
        shown = Window.begin

        def begin(window: Window, *given: object) -> None:
            shown(window, *given)  # type: ignore[arg-type]
            timers = [QTimer(window) for _ in range(3)]
            timers[0].timeout.connect(lambda: window.scope.use(next(turn)))
            timers[0].start(SWITCH_SECONDS * 1000)
            timers[1].timeout.connect(lambda: away())
            # the camera's turn is the third
            QTimer.singleShot(SWITCH_SECONDS * 500, lambda: timers[1].start(AWAY_EVERY * 1000))
            # in the middle of the demo's turn
            timers[2].timeout.connect(lambda: held.append(now_held()))
            QTimer.singleShot(SWITCH_SECONDS * 1500, lambda: timers[2].start(3 * SWITCH_SECONDS * 1000))

        def away() -> None:
            camera.away.set()
            threading.Timer(AWAY_SECONDS, camera.away.clear).start()

        Window.begin = begin  # type: ignore[method-assign,assignment]
        app.run("demo", quit_after_ms=round(minutes * 60000), stats=str(Path(home) / "stats.json"))
        stats = json.loads((Path(home) / "stats.json").read_text("utf-8"))
    kept = held[max(len(held) // 10, 1) :]
    grown = growth([h["rss_mib"] for h in kept])
    spans = {name: max(h[name] for h in kept) - min(h[name] for h in kept) for name in held[0]} if kept else {}
    out = {
        "minutes": minutes,
        "growth_mib": round(grown, 1),
        "each_minute": held,
        "threads": stats["threads"],
        "latency_ms": stats["latency_ms"],
        "heartbeat_gap_ms": stats["heartbeat_gap_ms"],
    }
    print(json.dumps(out, indent=1))
    joined = stats["threads"]["started"] == stats["threads"]["joined"]
    leaked = not joined or spans.get("threads", 0) > 3 or spans.get("handles", 0) > 3
    return int(grown > MOST_GROWTH or leaked)


if __name__ == "__main__":
    sys.exit(main())
