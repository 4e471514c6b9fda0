"""A sweep's addresses in MLflow, as commands print them."""

from __future__ import annotations

from rich.text import Text

from services.cli.show.tables import View, facts


def mlflow(sweep: View) -> Text:
    """The saved view, the plain table that every MLflow understands, the view of means; or nothing.

    With several seeds the means come first: the best trial need not be of the best point.
    """
    links = sweep["links"]
    table = links["mlflow_table"]
    return facts(
        {
            "mlflow, means": links["mlflow_means"],
            "mlflow": links["mlflow"],
            "its table": None if table == links["mlflow"] else table,
        }
    )
