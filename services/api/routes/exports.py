"""A sweep's results as files: one table of trials, one of curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from services.api import export_tables
from services.api.deps import Reached
from services.api.export_tables import Format, Row
from services.store import sweeps
from services.store.models import Sweep

router = APIRouter(tags=["exports"])
As = Annotated[Format, Query(alias="format", description="csv, for spreadsheets, or json")]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The table as a file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}


@router.get(
    "/sweeps/{sweep_id}/export/trials",
    response_class=StreamingResponse,
    responses=FILE,
    summary="Export a sweep's trials",
)
def trials(sweep_id: str, reached: Reached, form: As = "csv") -> StreamingResponse:
    """A row for each trial that was drawn: its values, one column an axis, its seed and its results."""
    sweep = reached.store.read(lambda session: sweeps.get(session, sweep_id))
    columns = export_tables.trial_columns(sweep.plan)
    return _file(sweep, "trials", form, columns, export_tables.trial_rows(reached.store, sweep))


@router.get(
    "/sweeps/{sweep_id}/export/curves",
    response_class=StreamingResponse,
    responses=FILE,
    summary="Export a sweep's curves",
)
def curves(sweep_id: str, reached: Reached, form: As = "csv") -> StreamingResponse:
    """A row for each epoch that each trial reported, one column a metric; nan and inf are words."""
    sweep = reached.store.read(lambda session: sweeps.get(session, sweep_id))
    columns = export_tables.curve_columns(reached.store, sweep)
    return _file(sweep, "curves", form, columns, export_tables.curve_rows(reached.store, sweep))


def _file(
    sweep: Sweep, table: str, form: Format, columns: Sequence[str], rows: Iterable[Row]
) -> StreamingResponse:
    name = export_tables.filename(sweep, table, form)
    return StreamingResponse(
        export_tables.written(columns, rows, form),
        media_type=export_tables.MEDIA[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
