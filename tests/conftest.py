"""What all tests share: none depends on what a self-test finds on this machine (``runtime.threads``)."""

from __future__ import annotations

import os

os.environ.setdefault("FACELENS_THREADS", "1")
