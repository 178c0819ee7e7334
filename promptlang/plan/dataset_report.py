"""Report on a data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from promptlang.diagnostics import Diagnostic
from promptlang.plan.prompt import diagnostic_json


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check of a data set."""

    name: str
    found: str
    advice: str = ""
    """Recommended value; empty for a finding that is information only."""
    complaints: tuple[Diagnostic, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Return whether the check raised no diagnostic."""
        return not self.complaints


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """Findings on a data set, in the order of printing."""

    source: str
    findings: tuple[Finding, ...]

    @property
    def complaints(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics of all findings, each once."""
        return tuple(
            dict.fromkeys(each for finding in self.findings for each in finding.complaints)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report as dictionaries, lists and texts."""
        return {
            "source": self.source,
            "findings": [
                {**asdict(each), "complaints": [diagnostic_json(one) for one in each.complaints]}
                for each in self.findings
            ],
        }
