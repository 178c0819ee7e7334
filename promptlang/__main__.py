"""``promptlang``, and ``python -m promptlang``."""

from __future__ import annotations

import sys


def main() -> int:
    """The command line; Ctrl-C ends it without a word even while it is still being loaded."""
    try:
        from promptlang.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
