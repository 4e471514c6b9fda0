"""A trial keeps the width of its array, which depends on the kind of device; GPUs have so much memory"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# The trials that exist have been in packs, all of one width.
FILL = """
UPDATE trials SET width = COALESCE(
    (SELECT MAX(packs.width) FROM packs JOIN pack_rows ON pack_rows.pack_id = packs.id
     WHERE pack_rows.trial_id = trials.id), 1)
"""


def upgrade() -> None:
    """Add the columns."""
    _add_filled("trials", "width", INT, sa.text("1"))
    _add_filled("devices", "memory", INT, sa.text("0"))
    _add_filled("sweeps", "widths", sa.JSON(), sa.text("'{}'"))
    op.execute(FILL)


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sweeps", "widths")
    op.drop_column("devices", "memory")
    op.drop_column("trials", "width")


def _add_filled(
    table: str, column: str, kind: sa.types.TypeEngine[Any], value: sa.ColumnElement[Any] | sa.TextClause
) -> None:
    """Add a column that may not be null; SQLite cannot take the default away again, which does no harm."""
    op.add_column(table, sa.Column(column, kind, nullable=False, server_default=value))
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column(table, column, server_default=None)
