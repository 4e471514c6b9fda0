"""A sweep counts retries, so that what was read of ended trials is known to be old"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column; what was retried before does not count."""
    add_filled("sweeps", "retried", INT, sa.text("0"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("sweeps", "retried")
