"""services/cli/show/mlflow_links.py."""

from __future__ import annotations

from typing import Any

from services.cli.show.mlflow_links import mlflow_links


def shown(**links: Any) -> str:
    known = {"mlflow": None, "mlflow_table": None, "mlflow_means": None, **links}
    return mlflow_links({"links": known}).plain


def test_the_stable_address_is_given_beside_the_saved_view() -> None:
    assert shown(mlflow="view", mlflow_table="table", mlflow_means="means") == (
        "mlflow, means  means\nmlflow         view\nmlflow, table  table"
    )
    assert shown(mlflow="table", mlflow_table="table") == "mlflow  table"
    assert not shown()
