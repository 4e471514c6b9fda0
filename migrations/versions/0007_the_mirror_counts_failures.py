"""The mirror counts failures, sends files by themselves, and marks points whose trials have all ended"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.operations.base import BatchOperations

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ENDED = "('succeeded', 'pruned', 'failed', 'cancelled')"
LEFT_OUT_BEFORE, LEFT_OUT_NOW = "('deleted', 'refused')", "('deleted', 'refused', 'failed')"
FAILURES = (("failures", INT, "0"), ("not_before", INT, "0"), ("reason", sa.Text(), None))
FLAGS = ("begun", "point_ended", "files_sent")


def upgrade() -> None:
    """Add the columns; a trial whose run shows its end has its files already."""
    for table in ("mirror_sweeps", "mirror_trials"):
        with op.batch_alter_table(table) as batch:
            _check(batch, table, LEFT_OUT_NOW)
            for name, kind, default in FAILURES:
                batch.add_column(sa.Column(name, kind, nullable=default is None, server_default=default))
            for name in FLAGS if table == "mirror_trials" else ():
                batch.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(f"UPDATE mirror_trials SET files_sent = true WHERE exported_state IN {ENDED}")  # noqa: S608
    op.create_index(
        "ix_mirror_trials_files_due",
        "mirror_trials",
        ["trial_id"],
        postgresql_where=sa.text("files_sent = false"),
        sqlite_where=sa.text("files_sent = 0"),
    )
    some = sa.text("failures > 0")
    op.create_index(
        "ix_mirror_trials_failures", "mirror_trials", ["trial_id"], postgresql_where=some, sqlite_where=some
    )


def downgrade() -> None:
    """Drop the columns; what failed counts as refused."""
    op.drop_index("ix_mirror_trials_failures", "mirror_trials")
    op.drop_index("ix_mirror_trials_files_due", "mirror_trials")
    for table in ("mirror_sweeps", "mirror_trials"):
        op.execute(f"UPDATE {table} SET left_out = 'refused' WHERE left_out = 'failed'")  # noqa: S608
        with op.batch_alter_table(table) as batch:
            _check(batch, table, LEFT_OUT_BEFORE)
            for name, _, _ in FAILURES:
                batch.drop_column(name)
            for name in FLAGS if table == "mirror_trials" else ():
                batch.drop_column(name)


def _check(batch: BatchOperations, table: str, values: str) -> None:
    name = op.f(f"ck_{table}_left_out")
    batch.drop_constraint(name, type_="check")
    batch.create_check_constraint(name, sa.text(f"left_out IN {values}"))
