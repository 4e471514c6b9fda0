"""`cnnlab doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import typer
from rich.text import Text

from services.cli.doctor.finding import Finding
from services.cli.doctor.report import examine
from services.cli.parameters import Json, Key, Url
from services.cli.show.formats import many
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand

LEVEL_STYLES = {"ok": "green", "warn": "yellow", "missing": "red"}
LEVEL_WIDTH, NAME_WIDTH = 8, 18  # columns of the report


@subcommand(Panel.SERVICE, "doctor")
def doctor(url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Check packages, devices, ports and servers; exit code 1 if something required is missing."""
    output = Output(as_json)
    findings: list[Finding] = []
    for finding in examine(Path.cwd(), url, key, os.environ):
        findings.append(finding)
        if not as_json:
            output.console.print(line(finding))
    missing = sum(finding.level == "missing" for finding in findings)
    warnings = sum(finding.level == "warn" for finding in findings)
    verdict = f"{many(missing, 'thing')} missing" if missing else "Nothing is missing"
    verdict += f", {many(warnings, 'warning')}." if warnings else "."
    output.result({"missing": missing, "findings": [asdict(finding) for finding in findings]}, verdict)
    raise typer.Exit(1 if missing else 0)


def line(finding: Finding) -> Text:
    """The level, the name and what was found; below it the remedy, if any."""
    shown = Text(f"{finding.level:<{LEVEL_WIDTH}}", style=LEVEL_STYLES[finding.level])
    shown.append(f"{finding.name:<{NAME_WIDTH}}{finding.says}", style="")
    if finding.remedy:
        shown.append(f"\n{'':<{LEVEL_WIDTH + NAME_WIDTH}}→ {finding.remedy}", style="")
    return shown
