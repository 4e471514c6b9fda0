"""Indexes and a table of changes, so that no question costs more the more has happened"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEHIND = (
    "INSERT INTO mirror_changes (sweep_id) SELECT s.id FROM sweeps AS s "
    "JOIN mirror_sweeps AS m ON m.sweep_id = s.id WHERE m.left_out IS NULL "
    "AND (m.exported IS NULL OR m.exported NOT LIKE s.state || ':%' OR EXISTS (SELECT 1 FROM trials AS t JOIN mirror_trials AS r ON r.trial_id = t.id WHERE t.sweep_id = s.id "
    "AND t.started_at IS NOT NULL AND r.left_out IS NULL AND (r.exported_state IS NULL "
    "OR r.exported_state <> t.state OR r.exported_epoch <> t.epoch))) ORDER BY s.created_at, s.id"
)


def upgrade() -> None:
    """Make them, and note as changed every sweep of which MLflow does not have all."""
    op.create_index(
        "ix_trials_checkpoint_id", "trials", ["checkpoint_id"], **where("checkpoint_id IS NOT NULL")
    )
    op.create_index("ix_checkpoints_id", "checkpoints", ["id"], **where("bytes > 0"))
    op.drop_index("ix_events_at", "events")
    forgotten: sa.Column[bool] = sa.Column(
        "events_forgotten", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("sweeps", forgotten)
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("sweeps", "events_forgotten", server_default=None)
    op.create_index(
        "ix_sweeps_finished_at",
        "sweeps",
        ["finished_at"],
        sqlite_where=sa.text("events_forgotten = 0"),
        postgresql_where=sa.text("NOT events_forgotten"),
    )
    op.add_column("mirror_sweeps", sa.Column("addresses", sa.String(length=16), nullable=True))
    op.create_index("ix_mirror_sweeps_addresses", "mirror_sweeps", ["addresses"])
    op.create_table(
        "mirror_changes",
        sa.Column("id", INT, nullable=False),
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_mirror_changes_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirror_changes")),
    )
    op.create_index("ix_mirror_changes_sweep_id_id", "mirror_changes", ["sweep_id", "id"])
    op.execute("UPDATE mirror_sweeps SET addresses = substr(exported, length(exported) - 7)")
    op.execute(BEHIND)


def downgrade() -> None:
    """Drop them; what is behind is then worked out from the trials again."""
    op.drop_table("mirror_changes")
    op.drop_index("ix_mirror_sweeps_addresses", "mirror_sweeps")
    op.drop_column("mirror_sweeps", "addresses")
    op.drop_index("ix_sweeps_finished_at", "sweeps")
    op.drop_column("sweeps", "events_forgotten")
    op.create_index("ix_events_at", "events", ["at"])
    op.drop_index("ix_checkpoints_id", "checkpoints")
    op.drop_index("ix_trials_checkpoint_id", "trials")


def where(condition: str) -> dict[str, Any]:
    """The arguments of an index that holds only the rows that meet a condition."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
