"""A trial keeps the width of its array, which depends on the kind of device; GPUs have so much memory"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

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
    add_filled("trials", "width", INT, sa.text("1"))
    add_filled("devices", "memory", INT, sa.text("0"))
    add_filled("sweeps", "widths", sa.JSON(), sa.text("'{}'"))
    op.execute(FILL)


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sweeps", "widths")
    op.drop_column("devices", "memory")
    op.drop_column("trials", "width")
