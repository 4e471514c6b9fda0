"""A sweep says which of its trials were drawn before their turn, as those before them had no device"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; until now all were drawn in the order of their numbers."""
    add_filled("sweeps", "drawn_ahead", sa.JSON(), sa.text("'{}'"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("sweeps", "drawn_ahead")
