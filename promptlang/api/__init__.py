"""The public functions over text: `check`, `resolve`, `expand`, `explain`."""
