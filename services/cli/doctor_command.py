"""`cnnlab doctor`: what is missing, and how to get it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import typer
from rich.text import Text

from services.cli.connection import Json, Key, Url
from services.cli.doctor.finding import Finding
from services.cli.doctor.report import examine
from services.cli.show.output import Output
from services.cli.show.tables import many

LOOKS = {"ok": "green", "warn": "yellow", "missing": "red"}


def doctor(url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Check packages, devices, ports and servers; exit code 1 if something needed is missing."""
    output = Output(as_json)
    found: list[Finding] = []
    for finding in examine(Path.cwd(), url, key, os.environ):
        found.append(finding)
        if not as_json:
            output.console.print(line(finding))
    lacking = sum(finding.level == "missing" for finding in found)
    words = f"{many(lacking, 'thing')} missing" if lacking else "Nothing is missing."
    output.result({"missing": lacking, "findings": [asdict(finding) for finding in found]}, words)
    raise typer.Exit(1 if lacking else 0)


def line(finding: Finding) -> Text:
    """The level, the name, what was found, and below it what to do."""
    shown = Text(f"{finding.level:<8}", style=LOOKS[finding.level])
    shown.append(f"{finding.name:<18}{finding.says}", style="")
    if finding.remedy:
        shown.append(f"\n{'':<26}→ {finding.remedy}", style="")
    return shown
