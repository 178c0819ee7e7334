"""Diagnostics: what can be wrong with a program, and all the wording for it.

Each code is a `Rule` in the module of its subject, beside the functions that make its diagnostics;
`registry` collects the rules.
"""

from promptlang.diagnostics.diagnostic import (
    Diagnostic,
    Diagnostics,
    PromptError,
    Severity,
    Topic,
    has_errors,
)
from promptlang.diagnostics.rule import Rule

__all__ = ["Diagnostic", "Diagnostics", "PromptError", "Rule", "Severity", "Topic", "has_errors"]
