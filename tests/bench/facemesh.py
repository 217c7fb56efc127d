"""Our live loop beside MediaPipe's FaceMesh, which lives in an environment of its own, in turn on the same frames.

    python -m venv /tmp/mediapipe && /tmp/mediapipe/bin/pip install mediapipe==0.10.14
    python tests/bench/facemesh.py /tmp/mediapipe/bin/python [--faces 1] [--seconds 20]

A round is one second of a 30-fps camera, 1280 x 720, of the demo: FaceMesh as a video stream (tracking on, refined
landmarks off), then ours: detection, 68 points, age, gender, smile, expression and score, tracked and steadied.
Prints JSON with the median milliseconds a frame of both and their ratio.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

CHILD = """
import sys, time
import numpy as np
import mediapipe
frames = np.load(sys.argv[1], mmap_mode="r")
mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=int(sys.argv[2]))
print("ready", flush=True)
for _ in sys.stdin:
    spent, faces = 0.0, 0
    for frame in frames:
        rgb = np.ascontiguousarray(frame[..., ::-1])
        start = time.perf_counter()
        found = mesh.process(rgb)
        spent += time.perf_counter() - start
        faces += len(found.multi_face_landmarks or ())
    print(spent * 1000 / len(frames), faces / len(frames), flush=True)
"""


def main() -> None:
    from facelens import open_engine
    from facelens.benchmark import LIVE_FPS, LiveSecond, machine
    from facelens.sources import DemoSource

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python")
    parser.add_argument("--faces", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--finder", default="opencv")
    args = parser.parse_args()
    size = (1280, 720)
    with DemoSource(size=size, faces=args.faces, fps=LIVE_FPS, paced=False) as source:
        frames = np.stack([frame.image for _ in range(LIVE_FPS) if (frame := source.read()) is not None])
    with tempfile.TemporaryDirectory() as folder, open_engine(finder=args.finder) as engine:
        path = Path(folder) / "frames.npy"
        np.save(path, frames)
        engine.warm_up()
        ours = LiveSecond(engine, size, args.faces)
        command = [args.python, "-c", CHILD, str(path), str(args.faces)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            if child.stdout.readline().strip() != "ready":
                sys.exit(f"{args.python} cannot import mediapipe")
            mesh, live, seen = [], [], []
            for turn in range(args.seconds):
                child.stdin.write("go\n")
                child.stdin.flush()
                spent, faces = (float(value) for value in child.stdout.readline().split())
                mesh.append(spent)
                seen.append(faces)
                live.append(ours(turn))
            child.stdin.close()
    # the first second is that of somebody new
    out = {"facemesh_ms": median(mesh[1:]), "facelens_live_ms": median(live[1:]), "facemesh_faces": median(seen)}
    out["ratio"] = out["facelens_live_ms"] / out["facemesh_ms"]
    print(json.dumps({"machine": machine(), "faces": args.faces, **{k: round(v, 3) for k, v in out.items()}}))


if __name__ == "__main__":
    main()
