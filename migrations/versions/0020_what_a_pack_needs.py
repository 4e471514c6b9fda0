"""A pack says which precision and how much memory its device must have"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns; packs that wait now were formed for what any device of their kind has."""
    add_filled("packs", "precision", sa.String(16), sa.text("'float32'"))
    add_filled("packs", "memory", INT, sa.text("0"))


def downgrade() -> None:
    """Drop them."""
    for column in ("memory", "precision"):
        op.drop_column("packs", column)
