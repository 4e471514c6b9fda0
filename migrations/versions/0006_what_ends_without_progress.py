"""Attempts without progress are counted and pause their sweep; a pack names the claim it was leased under"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns, and the index of trials whose attempts were given back without progress."""
    op.add_column("sweeps", sa.Column("pause_reason", sa.Text(), nullable=True))
    op.add_column("packs", sa.Column("claim", sa.String(length=64), nullable=True))
    op.add_column("packs", sa.Column("progress_at", INT, nullable=True))
    add_filled("trials", "fruitless", INT, sa.text("0"))
    add_filled("devices", "accepting", sa.Boolean(), sa.true())
    some = sa.text("fruitless > 0")
    op.create_index("ix_trials_fruitless", "trials", ["sweep_id"], postgresql_where=some, sqlite_where=some)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_trials_fruitless", "trials")
    op.drop_column("devices", "accepting")
    op.drop_column("trials", "fruitless")
    op.drop_column("packs", "progress_at")
    op.drop_column("packs", "claim")
    op.drop_column("sweeps", "pause_reason")
