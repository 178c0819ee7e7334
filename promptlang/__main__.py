"""``promptlang``, and ``python -m promptlang``."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line and return its exit code; Ctrl-C ends it quietly even while modules load.

    PyTorch's idle threads sleep instead of spinning, which on a busy machine is many times faster. OpenMP
    reads its setting once, when torch is imported; a setting of the user's own stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        from promptlang.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
