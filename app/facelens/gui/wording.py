"""The words of the panel and the status bar: records in, short sentences out. No widgets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QCoreApplication

from facelens.gui.translate import QT_TRANSLATE_NOOP
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
PROVIDERS: Mapping[str, str] = {
    "cpu": QT_TRANSLATE_NOOP("wording", "Processor"),
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


def provider(providers: Mapping[str, str], requested: str, timings: Mapping[str, float]) -> tuple[str, bool]:
    """The provider that really runs, with the time it took, and whether that is what was asked for.

    Args:
        providers: network name -> short provider name, as reported.
        timings: milliseconds by stage of the newest report.
    """
    used = sorted(set(providers.values()), key=lambda name: (name == "cpu", name))
    if not used:
        return "", True
    text = tr(PROVIDERS.get(used[0], used[0]))
    spent = timings.get("total", sum(timings.values()))
    if spent > 0:
        text += QCoreApplication.translate("wording", " {milliseconds} ms").format(milliseconds=f"{spent:.0f}")
    as_asked = requested == "auto" or requested in used
    if not as_asked:
        wanted = tr(PROVIDERS.get(requested, requested))
        text += QCoreApplication.translate("wording", ", {wanted} is not available").format(wanted=wanted)
    return text, as_asked
