"""The analysis of a program before it runs: scopes, files, and the checks, one in a file."""
