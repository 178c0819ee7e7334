"""The table of a checked data set."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from promptlang.files import printable
from promptlang.plan.dataset_report import DatasetReport, Finding


def dataset_table(report: DatasetReport) -> Table:
    """Return a table with a row for each finding; those with diagnostics are marked."""
    drawn = Table(
        title=Text(printable(report.source), "bold"),
        box=None,
        pad_edge=False,
        title_justify="left",
    )
    drawn.add_column("")
    drawn.add_column("what", style="cyan", no_wrap=True)
    drawn.add_column("found", overflow="fold")
    drawn.add_column("should be", style="dim", overflow="fold")
    for each in report.findings:
        found, advice = Text(printable(each.found)), Text(printable(each.advice))
        drawn.add_row(_mark(each), each.name, found, advice)
    return drawn


def _mark(finding: Finding) -> Text:
    if finding.is_ok:
        return Text("✓" if finding.advice else " ", "green")
    codes = " ".join(dict.fromkeys(each.code for each in finding.complaints))
    return Text(f"! {codes}", "yellow")
