"""Checks that a pack's columns hold what figures can be made of, before and while they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from facelens.types import AGE_COUNT, EXPRESSIONS, GenderLabel

NUMBERS = ("age", "age_low", "age_high", "smile", "glasses", "score", "happiness", "width", "height", *EXPRESSIONS)
LISTS = ("points68", "points5", "boxes", "ignore", "det_box")
GENDERS = get_args(GenderLabel)
LENGTHS = {"points68": 136, "points5": 10, "det_box": 4}
"""Columns of lists of so many numbers."""


def wrong_type(schema: Any) -> tuple[str, str] | None:
    """The first column of a ``pyarrow.Schema`` that holds something else than its name promises, as (why, what to do);
    None where all are right. A column without any value is right."""
    from pyarrow import types

    for field in schema:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)
        text = types.is_string(kind) or types.is_large_string(kind)
        listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        if types.is_null(kind):
            continue
        holds = f"its column '{field.name}' holds {field.type}"
        if field.name == "image" and not _pictures(kind):
            return f"{holds}, not pictures", "Store in each row the bytes of a picture file (WebP, JPEG, PNG)"
        if field.name in NUMBERS and not number:
            return f"{holds}, not numbers", "Store numbers there, or leave the column out"
        if field.name == "gender" and not text:
            return f"{holds}, not text", f"Store {' and '.join(GENDERS)} there, or leave the column out"
        if field.name in LISTS and not listed:
            return f"{holds}, not lists", "Store a list in each row, or leave the column out"
    return None


def _pictures(kind: Any) -> bool:
    """Whether a column's type holds files: bytes, or records of ``bytes`` and ``path`` as some libraries write them."""
    from pyarrow import types

    if types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _pictures(kind.field(place).type)
    return any(fits(kind) for fits in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary))


def wrong_value(labels: Mapping[str, Any]) -> str | None:
    """What one row's labels hold that cannot be compared with; None where there is nothing. An empty cell is right."""
    gender = labels.get("gender")
    if gender is not None and gender not in GENDERS:
        return f"its gender is '{gender}', not {' or '.join(GENDERS)}"
    low, high = labels.get("age_low"), labels.get("age_high")
    if low is not None and high is not None and not 0 <= low <= min(high, AGE_COUNT - 1):
        return f"its age_low and age_high are {low} and {high}"
    for name, length in LENGTHS.items():
        values = labels.get(name)
        if values is not None and len(values) != length:
            return f"its {name} has {len(values)} numbers, not {length}"
    boxes, ignored = labels.get("boxes") or [], labels.get("ignore")
    if any(box is None or len(box) != 4 or None in box for box in boxes):
        return "one of its boxes has not the four numbers x, y, width and height"
    if ignored is not None and len(ignored) != len(boxes):
        return f"it has {len(boxes)} boxes and {len(ignored)} values of ignore"
    return None
