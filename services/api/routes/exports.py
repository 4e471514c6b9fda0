"""A sweep's results as files: a table of trials and a table of curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from services.api import export_tables
from services.api.deps import ServicesDep
from services.api.export_tables import Format
from services.store import sweeps
from services.store.models import Sweep

router = APIRouter(tags=["exports"])
FormatQuery = Annotated[Format, Query(alias="format", description="csv, for spreadsheets, or json")]
TABLE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The table, as a file to download",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}


@router.get(
    "/sweeps/{sweep_id}/export/trials",
    response_class=StreamingResponse,
    responses=TABLE_RESPONSE,
    summary="Export a sweep's trials",
)
def trials(sweep_id: str, services: ServicesDep, format: FormatQuery = "csv") -> StreamingResponse:
    """One row for each trial drawn so far: its values, one column per axis, its seed and its results."""
    sweep = services.store.read(lambda session: sweeps.get(session, sweep_id))
    columns, rows = export_tables.trial_columns(sweep.plan), export_tables.trial_rows(services.store, sweep)
    return _file(sweep, "trials", format, export_tables.written(columns, rows, format))


@router.get(
    "/sweeps/{sweep_id}/export/curves",
    response_class=StreamingResponse,
    responses=TABLE_RESPONSE,
    summary="Export a sweep's curves",
)
def curves(sweep_id: str, services: ServicesDep, format: FormatQuery = "csv") -> StreamingResponse:
    """One row per reported epoch of each trial, one column per metric; JSON has nan and inf as text."""
    sweep = services.store.read(lambda session: sweeps.get(session, sweep_id))
    return _file(sweep, "curves", format, export_tables.curves(services.store, sweep, format))


def _file(sweep: Sweep, table: str, format: Format, content: Iterator[bytes]) -> StreamingResponse:
    name = export_tables.filename(sweep, table, format)
    whole = quote(export_tables.unicode_filename(sweep, table, format), safe="")
    return StreamingResponse(
        content,
        media_type=export_tables.MEDIA_TYPES[format],
        # Both forms, as RFC 6266 advises: the second has letters of any alphabet.
        headers={"Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{whole}"},
    )
