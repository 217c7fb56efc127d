"""Marks words for translation where they stand in a table, away from any widget."""

from __future__ import annotations


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """``text`` as it is. Qt's lupdate finds the word by this name; Qt's own function of the name is typed "object"."""
    if not context or not text:
        raise ValueError("a word to translate needs a context and a text")
    return text
