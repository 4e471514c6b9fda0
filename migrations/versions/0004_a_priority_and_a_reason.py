"""Sweeps have a priority, when they were last served, and the reason why one was set aside"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Give every sweep priority 0; none is set aside."""
    op.add_column("sweeps", sa.Column("priority", INT, nullable=False, server_default="0"))
    op.add_column("sweeps", sa.Column("served_at", INT, nullable=True))
    op.add_column("sweeps", sa.Column("set_aside", sa.Text(), nullable=True))
    op.add_column("sweeps", sa.Column("set_aside_at", INT, nullable=True))
    waiting = sa.text("state = 'pending'")
    op.create_index(
        "ix_trials_pending",
        "trials",
        ["sweep_id", "shape", "saved_epoch", "epoch", "number"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_trials_pending", table_name="trials")
    for column in ("set_aside_at", "set_aside", "served_at", "priority"):
        op.drop_column("sweeps", column)
