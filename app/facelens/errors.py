"""Every error that Facelens raises on purpose, on one page.

Each says in one sentence what failed, why, and what to do; each knows its exit code for the command line and its
status for the HTTP service.
"""

from __future__ import annotations

from typing import ClassVar


class FacelensError(Exception):
    """Base of all named errors.

    Args:
        what: what could not be done, naming the thing concerned.
        why: the cause, as far as it is known.
        remedy: what the user can do about it.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, what: str, why: str, remedy: str) -> None:
        self.what, self.why, self.remedy = (part.strip().rstrip(".") for part in (what, why, remedy))
        super().__init__(f"{self.what}: {self.why}. {self.remedy}.")


class UsageError(FacelensError):
    """The request itself makes no sense: an unknown option value, a missing column."""

    exit_code = 2
    http_status = 400


class PictureError(FacelensError):
    """A picture is missing, unreadable, not a picture, or too large."""

    http_status = 415


class SourceError(FacelensError):
    """A camera, clip or stream cannot be opened or read."""

    exit_code = 3
    http_status = 503


class CameraMissingError(SourceError):
    """No camera of that name or number."""


class CameraBusyError(SourceError):
    """The camera exists and another program holds it, or the user may not open it."""


class SourceLostError(SourceError):
    """A source that delivered frames stopped: unplugged, stalled, or the connection broke."""

    exit_code = 1


class ModelError(FacelensError):
    """A network cannot be used."""

    exit_code = 3
    http_status = 503


class ModelMissingError(ModelError):
    """The model file or its entry does not exist."""


class ModelCorruptError(ModelError):
    """The model file is truncated or its sha256 is not the one in models.toml."""


class ModelShapeError(ModelError):
    """The model's inputs or outputs are not those that its task needs."""


class ProviderError(FacelensError):
    """No execution provider, not even CPU, can run a network."""

    exit_code = 3
    http_status = 503


class DisplayError(FacelensError):
    """No display for the window."""

    exit_code = 3


class OutputError(FacelensError):
    """A result cannot be written: folder missing, not writable, or the disk is full."""
