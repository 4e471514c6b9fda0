"""services/cli/show/mlflow_links.py."""

from __future__ import annotations

from typing import Any

from services.cli.show.mlflow_links import incomplete, mlflow_links


def shown(**links: Any) -> str:
    known = {"mlflow": None, "mlflow_table": None, "mlflow_means": None, **links}
    return mlflow_links({"links": known, "mlflow": None}).plain


def test_the_stable_address_is_given_beside_the_saved_view() -> None:
    assert shown(mlflow="view", mlflow_table="table", mlflow_means="means") == (
        "mlflow, means  means\nmlflow         view\nmlflow, table  table"
    )
    assert shown(mlflow="table", mlflow_table="table") == "mlflow  table"
    assert not shown()


def test_what_is_not_there_yet_is_said_beside_the_link() -> None:
    there = {"runs": 43, "of": 60, "behind_seconds": 12.3, "left_out": 0, "reason": None}
    assert incomplete(there) == "43 of 60 runs there yet, 12 s behind"
    links = {"mlflow": "view", "mlflow_table": "view", "mlflow_means": None}
    assert mlflow_links({"links": links, "mlflow": there}).plain.endswith(f"mlflow has  {incomplete(there)}")
    assert incomplete({**there, "runs": 60}) is None
    assert incomplete({**there, "runs": 60, "left_out": 1, "reason": "no"}) == "1 trial left out (no)"
