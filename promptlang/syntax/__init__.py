"""Text to syntax tree: logical lines, brackets, tags, templates, and the parsers of prompts and statements."""
