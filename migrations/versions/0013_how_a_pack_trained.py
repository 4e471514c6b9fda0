"""A pack says how its steps were carried out: recorded or called, by which operations, in which precision"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; packs of before say nothing."""
    op.add_column("packs", sa.Column("engine", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("packs", "engine")
