"""What there is to say of a data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from promptlang.diagnostics import Diagnostic
from promptlang.plan.prompt import diagnostic_json


@dataclass(frozen=True, slots=True)
class Finding:
    """One of the things that are looked at."""

    name: str
    found: str
    advice: str = ""
    """What it should be; empty where nothing can be wrong with it."""
    complaints: tuple[Diagnostic, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to complain of."""
        return not self.complaints


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """All of them, in the order in which they are told."""

    source: str
    findings: tuple[Finding, ...]

    @property
    def complaints(self) -> tuple[Diagnostic, ...]:
        """Each thing that is wrong, once."""
        return tuple(
            dict.fromkeys(each for finding in self.findings for each in finding.complaints)
        )

    def to_json(self) -> dict[str, Any]:
        """As plain dictionaries, lists and texts."""
        return {
            "source": self.source,
            "findings": [
                {**asdict(each), "complaints": [diagnostic_json(one) for one in each.complaints]}
                for each in self.findings
            ],
        }
