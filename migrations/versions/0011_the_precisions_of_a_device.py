"""A device says in which precisions it trains"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; a worker that is started again fills it."""
    add_filled("devices", "precisions", sa.String(80), sa.text("'float32,float64'"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("devices", "precisions")
