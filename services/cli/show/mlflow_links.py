"""A sweep's addresses in MLflow, as commands print them."""

from __future__ import annotations

from rich.text import Text

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
        }
    )
