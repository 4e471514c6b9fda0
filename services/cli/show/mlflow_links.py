"""A sweep's addresses in MLflow, as commands print them."""

from __future__ import annotations

from rich.text import Text

from services.cli.show.formats import duration, many
from services.cli.show.tables import facts
from services.client import View


def mlflow_links(sweep: View) -> Text:
    """The view of means, the saved view, and the plain table that any MLflow shows; empty without links.

    With several seeds the means come first: the best trial need not belong to the best point.
    """
    links = sweep["links"]
    table = links["mlflow_table"]
    return facts(
        {
            "mlflow, means": links["mlflow_means"],
            "mlflow": links["mlflow"],
            "mlflow, table": None if table == links["mlflow"] else table,
            "mlflow has": links["mlflow"] and incomplete(sweep["mlflow"]),
        }
    )


def incomplete(there: View | None) -> str | None:
    """How much is there, as long as that is not all: `43 of 60 runs there yet, 12 s behind`."""
    if there is None:
        return None
    parts = []
    if there["runs"] < there["of"]:
        parts.append(f"{there['runs']} of {many(there['of'], 'run')} there yet")
        parts.append(f"{duration(there['behind_seconds'])} behind")
    if there["left_out"]:
        parts.append(f"{many(there['left_out'], 'trial')} left out")
    reason = f" ({there['reason']})" if there["reason"] else ""
    return ", ".join(parts) + reason if parts or reason else None
