"""The parser: logical lines, brackets, tags and templates of a text, and its syntax tree."""
