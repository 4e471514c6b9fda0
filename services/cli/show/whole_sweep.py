"""A sweep from now to its end: first its progress, then its results."""

from __future__ import annotations

from services.cli.invocation import command_line
from services.cli.show import leaderboard, progress
from services.cli.show.failures import failures
from services.cli.show.mlflow_links import mlflow_links
from services.cli.show.output import Output
from services.cli.show.paragraph import Paragraph
from services.client import Client

MAX_FINAL_POINTS = 10  # of the leaderboard at the end of a sweep


def watch_to_the_end(client: Client, sweep_id: str, output: Output) -> int:
    """Follow a sweep until it ends, then print its results; returns the exit code.

    0: every trial succeeded, 1: not every one did, 130: Ctrl-C ended the watching, and the sweep continues.
    """
    try:
        sweep = progress.follow(client.watch(sweep_id), output)
    except KeyboardInterrupt:
        output.message(f"The sweep continues; watch it again with: {command_line(f'watch {sweep_id}')}")
        return 130
    if not output.as_json:
        board = client.leaderboard(sweep_id, MAX_FINAL_POINTS)
        output.console.print(leaderboard.leaderboard(sweep, board["points"]))
        for line in (*leaderboard.comparison(board), *failures(client, sweep), progress.cost(sweep)):
            if line:
                output.console.print(Paragraph(line))
        if links := mlflow_links(sweep):
            output.console.print(links)
    return 0 if sweep["state"] == "succeeded" else 1
