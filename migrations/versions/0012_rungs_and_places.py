"""A trial gets its place when a pack forms, and waits at rungs until these are decided"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.operations.base import BatchOperations

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = "'pending', 'queued', 'running', 'succeeded', 'pruned', 'failed', 'cancelled'"
NOW = "'pending', 'queued', 'running', 'held', 'succeeded', 'pruned', 'failed', 'cancelled'"


def upgrade() -> None:
    """Add the columns and the table of decisions."""
    op.add_column("sweeps", sa.Column("ended_by", sa.JSON(), nullable=True))
    for name in ("trained_rows", "live_rows"):
        op.add_column("packs", sa.Column(name, INT, nullable=False, server_default="0"))
    with op.batch_alter_table("trials") as batch:
        _check(batch, NOW)
        batch.alter_column("width", existing_type=INT, nullable=True, server_default=None)
        batch.alter_column("row", existing_type=INT, nullable=True)
        batch.add_column(sa.Column("cohort", INT, nullable=False, server_default="0"))
        batch.add_column(sa.Column("until_epoch", INT, nullable=False, server_default="0"))
        batch.add_column(sa.Column("saved_row", INT, nullable=True))
        batch.add_column(sa.Column("stopped", sa.JSON(), nullable=True))
    op.execute("UPDATE trials SET until_epoch = target_epoch")
    op.execute("UPDATE trials SET saved_row = row WHERE checkpoint_id IS NOT NULL")
    some = sa.text("state = 'held'")
    op.create_index(
        "ix_trials_held", "trials", ["sweep_id", "cohort"], postgresql_where=some, sqlite_where=some
    )
    op.create_table(
        "rung_decisions",
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.Column("cohort", INT, nullable=False),
        sa.Column("epoch", INT, nullable=False),
        sa.Column("at", INT, nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_rung_decisions_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("sweep_id", "cohort", "epoch", name=op.f("pk_rung_decisions")),
    )


def downgrade() -> None:
    """Drop them; a trial that waits at a rung waits for a pack again, to its end."""
    op.drop_table("rung_decisions")
    op.drop_index("ix_trials_held", "trials")
    op.execute("UPDATE trials SET state = 'pending' WHERE state = 'held'")
    op.execute("UPDATE trials SET width = COALESCE(width, 1), row = COALESCE(row, 0)")
    with op.batch_alter_table("trials") as batch:
        _check(batch, BEFORE)
        for name in ("stopped", "saved_row", "until_epoch", "cohort"):
            batch.drop_column(name)
        batch.alter_column("row", existing_type=INT, nullable=False)
        batch.alter_column("width", existing_type=INT, nullable=False)
    for name in ("live_rows", "trained_rows"):
        op.drop_column("packs", name)
    op.drop_column("sweeps", "ended_by")


def _check(batch: BatchOperations, states: str) -> None:
    name = op.f("ck_trials_state")
    batch.drop_constraint(name, type_="check")
    batch.create_check_constraint(name, sa.text(f"state IN ({states})"))
