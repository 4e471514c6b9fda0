"""`cnnlab prune`: delete the files that nobody needs now, instead of within the hour, or only list them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.table import Table

from services.cli.errors import CliError
from services.cli.parameters import Json
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.settings import Settings
from services.stack.folder import Folder


@subcommand(Panel.SERVICE, "prune --dry-run")
def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would go and delete nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete old and empty logs, and checkpoints and weights that no trial has; upkeep does so every hour.

    Run it in the folder of `cnnlab up`, or where the service's own variables are set.
    """
    from services.store.session import Store
    from services.upkeep import stale_files

    settings = _settings(Path.cwd())
    store = Store(settings.database_url)
    files, sizes = Counter[str](), Counter[str]()
    for batch in stale_files.find(store, settings):
        for stale in batch:
            if dry_run or stale_files.remove(stale):
                files[stale.kind] += 1
                sizes[stale.kind] += stale.bytes
    store.close()
    rows = [{"kind": kind, "files": files[kind], "bytes": sizes[kind]} for kind in sorted(files)]
    table = Table("kind", "files", "bytes", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(str, row.values()))
    done = "would be deleted" if dry_run else "deleted"
    verdict = f"{files.total()} files and folders {done}, {sizes.total()} bytes."
    Output(as_json).result({"dry_run": dry_run, "stale": rows}, *([table] if rows else []), verdict)


def _settings(folder: Path) -> Settings:
    """The settings of the environment, else those of the stack in the folder."""
    if "CNNLAB_DATABASE_URL" in os.environ:
        return Settings.from_environment()
    root = Folder(folder).root
    if not (root / "state.db").exists():
        raise CliError(
            f"no service keeps its data in {root}: run this in the folder of `cnnlab up`, or where "
            "CNNLAB_DATABASE_URL, CNNLAB_REDIS_URL and CNNLAB_FILES are set, such as the container of upkeep",
            2,
        )
    return Settings(
        database_url=f"sqlite:///{root / 'state.db'}",
        redis_url=SecretStr("redis://127.0.0.1/0"),  # not used
        files=root / "files",
    )
