"""Syntax highlighting: one classification of tokens for the REPL, Pygments and TextMate."""
