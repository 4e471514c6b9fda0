"""What several migrations do to columns."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op


def add_filled(
    table: str, column: str, kind: sa.types.TypeEngine[Any], value: sa.ColumnElement[Any] | sa.TextClause
) -> None:
    """Add a column that may not be null; SQLite cannot take the default away again, which does no harm."""
    op.add_column(table, sa.Column(column, kind, nullable=False, server_default=value))
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column(table, column, server_default=None)
