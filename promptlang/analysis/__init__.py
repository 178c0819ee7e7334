"""Checks of a program before anything runs: names, files, option values, and one rule a file in `checks`."""
