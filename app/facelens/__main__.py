"""``python -m facelens``: the same as the program ``facelens``."""

from __future__ import annotations

from facelens.start import main

if __name__ == "__main__":
    main()
