"""The detector's card: what it is, what it learned from, how well it does, where it fails."""
# ruff: noqa: E501 - a row of a Markdown table is one line

from __future__ import annotations

from typing import Any

_TEXT = """# detector-1

Finds faces and five points (eyes, nose tip, mouth corners) in a picture of any size.

| | |
|---|---|
| form | the inputs and outputs of OpenCV's `FaceDetectorYN`: `input` 1 x 3 x H x W, BGR 0..255, H and W multiples of 32; `cls`, `obj`, `bbox`, `kps` at strides 8, 16, 32 |
| network | plain 3 x 3 convolutions (16, 32, 48, 64 channels), a top-down pyramid of 32, one shared convolution a stride; {parameters} parameters |
| how it is run | longest side at 640 px, score = sqrt(cls * obj), threshold 0.6, overlaps above 0.3 suppressed |
| trained on | the train parts of faces_in_scenes and no_faces; faces of fairface, mtfl5, landmarks68, mebeauty pasted or zoomed |
| licence | {licence} |
| training | {crops} crops in {minutes:.0f} minutes (without what lies between the epochs) on two CPU cores, {epochs} epochs of up to 8,000; AdamW, cosine, mean of the weights |
| largest difference between runtimes | Keras to ONNX Runtime {keras:.1e}, ONNX Runtime to OpenCV {opencv:.1e} |

## Figures

On the val parts, run by OpenCV with the longest side at 640 px; a face is found at IoU 0.4. Doubtful (ignored) faces
count neither way. Sizes are those of the stored picture.

| faces | AP | recall at 0.1 false alarms a picture | recall at 0.6 | false alarms a picture at 0.6 |
|---|---|---|---|---|
{rows}

- Face-free pictures with an alarm at 0.6: {empty:.1%}.
- Five points, mean error over the distance of the eyes: {mtfl5:.3f} on mtfl5 (hand points), {landmarks68:.3f} on
  landmarks68 (points derived from 68).
- Faces that span 40 to 92 % of the picture found at 0.6: {large:.1%}.

## Calibration

The logits of both scores are shifted by {shift:+.2f} inside the graph, so that 0.6 is a sensible threshold. The shift
was chosen on the val parts of faces_in_scenes and no_faces (most faces found with an alarm on at most {allowed:.1%} of the
face-free pictures and {allowed_scenes} false alarms a scene); the figures above at 0.6 are therefore slightly kind.

## Limits

- Most boxes of faces_in_scenes come from another detector (YuNet), so val mostly measures agreement with it: look at the
  hand-labelled row, which is small.
- Faces over about 500 px of a 640 px picture score lower: of 40 portraits each, 100 % were found at 0.6 with a face of
  440 px, 88 % at 520 px and 68 % at 580 px.
- Faces below 16 px, strong profiles, heavy occlusion and turns beyond 25 degrees are found less often. On profiles the
  far eye and mouth corner are guesses.
- Drawings, statues and posters count as faces at times.
- **The worst of val, looked at.** Of faces from 24 px 62 are missed at 0.6: a fifth lie under white letters on a red
  tint, a fifth wear surgical masks in a crowd, a fifth are full profiles or turn away; the others are cut by the frame
  or by a neighbour, lie on their side, or sit behind a camera, a visor or sunglasses. Six alarms come above 0.6: round
  things and letters of 10 px, the back of a head, hands; below it wheels, fists, and faces printed on shirts.
- The score says how face-like a place is, not who it is or whether the person is alive.

## Made again with

    python -m convert train detector --epochs 25
    python -m convert train detector --epochs 5 --resume   # a second round, with more faces that fill the frame
    python -m convert export detector
    python -m convert evaluate detector

The learning rate of the shipped network followed the clock (`--minutes 46`, then `--minutes 15`), and its first five
epochs saw fewer frame-filling faces than the recipe has now; since then points count for more in training, and those of
faces without hand points are told by the landmarks network. So a new run will find faces as well, with other points:
networks that learned from aligned crops must be trained on its points before it can ship.

Groups: of the faces of FairFace, UTKFace, MTFL and MEBeauty the whole pipeline's tables in the card of the attributes
network tell how many are found, by age, gender, group, pose, glasses, light, sharpness and size.
"""


def page(log: list[dict[str, Any]], record: dict[str, Any], licence: str) -> str:
    """The card in Markdown.

    Args:
        log: one entry an epoch, as the training writes it.
        record: ``figures``, ``choice``, ``allowed``, ``parity`` and ``parameters`` of the export.
    """
    found = record["figures"]
    rows = []
    for label, prefix, suffix in (
        ("from 12 px", "scenes val", "12px"),
        ("from 24 px", "scenes val", "24px"),
        ("from 48 px", "scenes val", "48px"),
        ("from 24 px, hand-labelled pictures", "scenes val hand", "24px"),
    ):
        if f"{prefix} ap {suffix}" not in found:
            continue
        keys = ("ap", "recall", "recall_at_threshold", "alarms_at_threshold")
        cells = " | ".join(f"{found[f'{prefix} {key} {suffix}']:.3f}" for key in keys)
        count, pictures = found[f"{prefix} faces {suffix}"], found[f"{prefix} pictures {suffix}"]
        rows.append(f"| {label} ({count:.0f} in {pictures:.0f} pictures) | {cells} |")
    return _TEXT.format(
        parameters=f"{record['parameters']:,}",
        crops=f"{sum(entry['crops'] for entry in log):,}",
        minutes=sum(entry["seconds"] for entry in log) / 60,
        epochs=len(log),
        rows="\n".join(rows),
        empty=found["no_faces val alarms"],
        mtfl5=found["mtfl5 val points"],
        landmarks68=found["landmarks68 val points"],
        large=found["portraits val large faces found"],
        shift=record["choice"]["shift"],
        allowed=record["allowed"][0],
        allowed_scenes=record["allowed"][1],
        licence=licence,
        **record["parity"],
    )
