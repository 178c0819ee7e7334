"""The registry as pages: plain data for JSON, and Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from promptlang.diagnostics.registry import RULES, TOPIC_TITLES
from promptlang.diagnostics.rule import Rule


def rule_json(rule: Rule) -> dict[str, str]:
    """Return a rule as plain texts; an example that does not exist is left out."""
    texts = {
        "code": rule.code,
        "kind": rule.kind,
        "severity": rule.severity.value,
        "title": rule.title,
        "why": rule.why,
        "fix": rule.fix,
        "bad": rule.bad,
        "good": rule.good,
    }
    return {name: text for name, text in texts.items() if text}


def diagnostics_page() -> str:
    """Return a Markdown page of all diagnostics, by range and code."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield "# Diagnostics"
    yield ""
    yield "A diagnostic has a code that never changes. `promptlang explain PL101` prints the entry."
    for topic, title in TOPIC_TITLES.items():
        rules = [each for each in RULES.values() if each.topic is topic]
        yield from ["", f"## {title}, PL{topic.value}xx", ""]
        yield from ["| code | kind | severity | meaning |", "|---|---|---|---|"]
        for rule in rules:
            link = f"[{rule.code}](#{rule.code.lower()}-{rule.kind})"
            meaning = rule.title.replace("|", "\\|")
            yield f"| {link} | {rule.kind} | {rule.severity.value} | {meaning} |"
        for rule in rules:
            yield from _entry(rule)
    yield ""


def _entry(rule: Rule) -> Iterator[str]:
    yield from ["", f"### {rule.code} {rule.kind}", "", f"**{rule.title}** ({rule.severity.value})"]
    yield from ["", rule.why, "", f"*How to mend it:* {rule.fix}"]
    if rule.bad:
        yield from ["", "```text", rule.bad, "```"]
    if rule.good:
        yield from ["", "Instead:", "", "```text", rule.good, "```"]
