"""Picture metadata: A1111's `parameters` text, and the record from which `replay` renders a picture again."""
