"""The language as data: the grammars, and the vocabulary of statements and options."""
