"""The border between language and runtime: plain data, without syntax and without torch."""
