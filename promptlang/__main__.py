"""``promptlang``, and ``python -m promptlang``."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line and return its exit code.

    Ctrl-C ends the command without a traceback, even while modules load. Idle threads of PyTorch
    sleep instead of spinning, which is many times faster on a busy machine. OpenMP reads this
    setting once, when torch is imported; a setting of the user's own is kept.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        from promptlang.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
