"""``python -m promptlang``."""

from __future__ import annotations

import sys

from promptlang.cli import main

sys.exit(main())
