"""Colours for programs: one classification by shape, for the REPL, Pygments and TextMate grammars."""
