"""Picture metadata: A1111's `parameters` text, and the record that `replay` reads."""
