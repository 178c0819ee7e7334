"""An entry of the registry: one diagnostic code and its one meaning."""

from __future__ import annotations

from dataclasses import dataclass

from promptlang.diagnostics.diagnostic import Diagnostic, Severity, Topic
from promptlang.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A diagnostic code with its meaning, the reason for it, and the remedy.

    The texts are Markdown in which only backquotes have a meaning.
    """

    code: str
    """``PL101``"""
    kind: str
    """A name for machines and links: ``unknown-lora``."""
    title: str
    """The meaning in a few words, without a full stop."""
    why: str
    """Sentences that say when the diagnostic comes up and why that is a mistake."""
    fix: str
    """Sentences that say how the user mends it."""
    bad: str = ""
    """A small program or prompt that gets the diagnostic, empty where files would be needed."""
    good: str = ""
    """The same program after the remedy."""
    severity: Severity = Severity.ERROR

    @property
    def topic(self) -> Topic:
        """The subject of the code."""
        return Topic(self.code[2])

    def at(
        self, span: Span, message: str, hint: str | None = None, severity: Severity | None = None
    ) -> Diagnostic:
        """Return a diagnostic of this rule, with the severity of the rule unless one is given."""
        return Diagnostic(self.code, message, span, hint, severity or self.severity)

    def matches(self, found: Diagnostic) -> bool:
        """Return whether this rule made the diagnostic `found`."""
        return found.code == self.code
