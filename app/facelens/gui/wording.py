"""The words of the panel and the status bar: records in, short sentences out. No widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication

from facelens import scheduler
from facelens.gui.translate import QT_TRANSLATE_NOOP
from facelens.runtime import Proof
from facelens.scheduler import Plan
from facelens.timing import Spread
from facelens.types import AGE_RANGES, EXPRESSIONS, AgeEstimate, Expression, GenderEstimate, Quality

CONTEXT = "wording"

COMPONENTS: Mapping[str, str] = {
    "appearance": QT_TRANSLATE_NOOP("wording", "Appearance"),
    "expression": QT_TRANSLATE_NOOP("wording", "Expression"),
    "symmetry": QT_TRANSLATE_NOOP("wording", "Symmetry"),
    "quality": QT_TRANSLATE_NOOP("wording", "Picture quality"),
}
LOOKS: Mapping[str, str] = {
    "neutral": QT_TRANSLATE_NOOP("wording", "neutral"),
    "happiness": QT_TRANSLATE_NOOP("wording", "happy"),
    "surprise": QT_TRANSLATE_NOOP("wording", "surprised"),
    "sadness": QT_TRANSLATE_NOOP("wording", "sad"),
    "anger": QT_TRANSLATE_NOOP("wording", "angry"),
    "disgust": QT_TRANSLATE_NOOP("wording", "disgusted"),
    "fear": QT_TRANSLATE_NOOP("wording", "afraid"),
    "contempt": QT_TRANSLATE_NOOP("wording", "scornful"),
}
"""What a face with each of the ``EXPRESSIONS`` looks, in a word."""
LEVELS: Mapping[str, str] = dict(
    zip(
        scheduler.LEVELS,
        (
            QT_TRANSLATE_NOOP("wording", "Every face is followed and read on time"),
            QT_TRANSLATE_NOOP("wording", "Time is short: ages and scores are read less often"),
            QT_TRANSLATE_NOOP("wording", "Time is short: faces are looked for and read less often"),
            QT_TRANSLATE_NOOP("wording", "Time is short: half of the faces are followed in each frame"),
        ),
        strict=True,
    )
)
"""What each of the scheduler's ``LEVELS`` means to whoever watches."""
PROVIDERS: Mapping[str, str] = {
    "cpu": QT_TRANSLATE_NOOP("wording", "CPU"),
    "cuda": QT_TRANSLATE_NOOP("wording", "CUDA"),
    "tensorrt": QT_TRANSLATE_NOOP("wording", "TensorRT"),
    "coreml": QT_TRANSLATE_NOOP("wording", "CoreML"),
    "directml": QT_TRANSLATE_NOOP("wording", "DirectML"),
}


def tr(text: str) -> str:
    return QCoreApplication.translate(CONTEXT, text)


def quality(seen: Quality) -> tuple[str, str, str]:
    """Focus, light and pose in a word or two each."""
    if seen.sharpness >= 60:
        focus = QCoreApplication.translate("wording", "sharp")
    elif seen.sharpness >= 35:
        focus = QCoreApplication.translate("wording", "a little soft")
    else:
        focus = QCoreApplication.translate("wording", "soft")
    if seen.exposure >= 55:
        light = QCoreApplication.translate("wording", "well lit")
    elif seen.brightness < 0.45:
        light = QCoreApplication.translate("wording", "dark")
    else:
        light = QCoreApplication.translate("wording", "too bright")
    turn = max(abs(seen.yaw), abs(seen.pitch))
    if turn < 10:
        pose = QCoreApplication.translate("wording", "frontal")
    elif turn < 22:
        pose = QCoreApplication.translate("wording", "nearly frontal")
    else:
        pose = QCoreApplication.translate("wording", "turned")
    return focus, light, pose


def band(age: AgeEstimate) -> str:
    text = QCoreApplication.translate("wording", "{low} – {high}  (80 %)")
    return text.format(low=round(age.low), high=round(age.high))


def age_ticks() -> tuple[str, ...]:
    """The eight published ranges as marks under bars."""
    return tuple(f"{low}+" if high >= 100 else f"{low}–{high}" for low, high in AGE_RANGES)


def gender(seen: GenderEstimate) -> str:
    """The label with its probability, or that the picture does not say enough."""
    label = (
        QCoreApplication.translate("wording", "female")
        if seen.label == "female"
        else QCoreApplication.translate("wording", "male")
    )
    if not seen.sure:
        return QCoreApplication.translate("wording", "not sure")
    share = QCoreApplication.translate("wording", "{label} {percent} %")
    return share.format(label=label, percent=round(100 * seen.probability))


def expression(seen: Expression) -> str:
    """What the face looks, with its probability, or that the picture does not say enough."""
    if not seen.sure:
        return QCoreApplication.translate("wording", "not sure")
    text = QCoreApplication.translate("wording", "looks {word}, {percent} %")
    return text.format(word=tr(LOOKS[seen.label]), percent=round(100 * seen.probability))


def likeliest(seen: Expression, count: int) -> tuple[tuple[str, float], ...]:
    """The ``count`` likeliest expressions, the first one first: what the face looks in a word, and probability 0..1."""
    ranked = np.argsort(-seen.probabilities, kind="stable")[:count]
    return tuple((tr(LOOKS[EXPRESSIONS[index]]), float(seen.probabilities[index])) for index in ranked)


def component(name: str) -> str:
    """A component in words; the published rule's components are age ranges, "25-32"."""
    if name in COMPONENTS:
        return tr(COMPONENTS[name])
    low, _, high = name.partition("-")
    span = f"{low}+" if high == "100" else f"{low}–{high}"
    return QCoreApplication.translate("wording", "Age {range}").format(range=span)


def sentence(tip: str) -> str:
    """A tip as a line of its own: a capital first, no full stop."""
    return tip[:1].upper() + tip[1:].rstrip(".")


def clock(seconds: float) -> str:
    """Minutes and seconds, "0:42"; with hours from an hour on."""
    whole = int(max(0.0, seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def runs_on(name: str) -> str:
    """A provider's name, as it is known."""
    return tr(PROVIDERS.get(name, name))


def times(ratio: float, whole_from: float = 10) -> str:
    """A ratio, "8.6×", without decimals from a size on."""
    return f"{ratio:.0f}×" if ratio >= whole_from else f"{ratio:.1f}×"


def badge(proofs: Sequence[Proof], timings: Mapping[str, float]) -> tuple[str, bool]:
    """What the networks run on with the proof of it, and whether nothing is to be mended.

    "CUDA 0.6 ms, 9× CPU" is the time of one face in all networks on the card, against the CPU's; on the CPU it is the
    time of the newest frame.

    Args:
        proofs: one a network.
        timings: milliseconds by stage of the newest report.
    """
    if not proofs:
        return "", True
    for proof in proofs:
        if proof.reason:
            text = QCoreApplication.translate("wording", "{provider}: {reason}")
            return text.format(provider=runs_on(proof.got), reason=proof.reason), False
    best = next((proof.got for proof in proofs if proof.got != "cpu"), "cpu")
    on_best = [proof for proof in proofs if proof.got == best]
    text = runs_on(best)
    spent = timings.get("total", sum(timings.values()))
    if best != "cpu":
        spent = sum(proof.ms or 0.0 for proof in on_best)
    if spent > 0:
        shown = f"{spent:.0f}" if spent >= 9.95 else f"{spent:.1f}"
        text += QCoreApplication.translate("wording", " {milliseconds} ms").format(milliseconds=shown)
    if best != "cpu" and spent > 0 and all(proof.ratio for proof in on_best):
        ratio = sum(proof.cpu_ms or 0.0 for proof in on_best) / spent
        text += QCoreApplication.translate("wording", ", {ratio} CPU").format(ratio=times(ratio, 3))
    return text, True


def mending(proofs: Sequence[Proof]) -> tuple[tuple[str, str], ...]:
    """What keeps networks from the provider they should run on, and the command or step that mends it; each once."""
    return tuple(dict.fromkeys((proof.reason, proof.repair) for proof in proofs if proof.reason))


def badge_tip(proofs: Sequence[Proof]) -> str:
    """Network by network what it runs on, and below what is to be mended."""
    lines = []
    for proof in proofs:
        line = f"{proof.network}: {runs_on(proof.got)}"
        if proof.ms is not None:
            line += f" {milliseconds(proof.ms)}"
        if proof.got != "cpu" and proof.cpu_ms is not None:
            line += f", {runs_on('cpu')} {milliseconds(proof.cpu_ms)}"
        lines.append(line)
    for reason, repair in mending(proofs):
        lines += ["", sentence(reason), repair]
    return "\n".join(lines)


def times_tip(delay: Spread | None, beat: Spread | None) -> str:
    """Percentiles of the times from camera to screen, and of the gaps of the window's thread."""
    lines = []
    if delay is not None:
        text = QCoreApplication.translate("wording", "Camera to screen: half within {p50}, 95 % {p95}, 99 % {p99}")
        lines.append(text.format(p50=tenths(delay.p50), p95=tenths(delay.p95), p99=tenths(delay.p99)))
    if beat is not None:
        text = QCoreApplication.translate("wording", "Window answers: half within {p50}, 99 % {p99}, longest {longest}")
        lines.append(text.format(p50=tenths(beat.p50), p99=tenths(beat.p99), longest=tenths(beat.max)))
    return "\n".join(lines)


def tenths(value: float) -> str:
    """A time that changes all the while, "34.2 ms"."""
    return QCoreApplication.translate("wording", "{milliseconds} ms").format(milliseconds=f"{value:.1f}")


def milliseconds(value: float | None) -> str:
    """A time for a table, "0.62 ms"; a dash where it was not measured."""
    if value is None:
        return "–"
    text = f"{value:.2f}" if value < 9.95 else f"{value:.0f}"
    return QCoreApplication.translate("wording", "{milliseconds} ms").format(milliseconds=text)


def source_details(size: tuple[int, int] | None, rate: float | None) -> list[str]:
    """Width and height in px and frames/s that a source really gives, from the longest wording to the shortest."""
    if size is None:
        return []
    pixels = "{} × {}".format(*size)
    if not rate:
        return [pixels]
    told = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
    return [
        QCoreApplication.translate("wording", "{size}, {rate} frames/s").format(size=pixels, rate=told),
        QCoreApplication.translate("wording", "{size}, {rate}/s").format(size=pixels, rate=told),
        pixels,
    ]


def plan(now: Plan | None) -> str:
    """How often networks run on a live source, in a line or two."""
    if now is None:
        return QCoreApplication.translate("wording", "Every network runs on every frame.")
    text = QCoreApplication.translate(
        "wording",
        "{level}. Networks run as often as they are needed, {load}\u00a0% of the time between frames. "
        "Faces are looked for in {side}\u00a0px.",
    )
    return text.format(level=tr(LEVELS[now.words]), load=round(100 * now.load), side=now.side)
