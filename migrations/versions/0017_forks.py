"""A trial can be forked: another begins with its weights, and a pack is asked for a checkpoint for that"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "ix_trials_start_checkpoint_id": ("start_checkpoint_id", "start_checkpoint_id IS NOT NULL"),
    "ix_trials_without_a_start": ("forked_from", "start_epoch IS NULL"),
}


def upgrade() -> None:
    """Add the columns; every trial so far begins at epoch 0."""
    add_filled("packs", "save_asked", sa.Boolean(), sa.false())
    with op.batch_alter_table("trials") as batch:
        batch.add_column(sa.Column("forked_from", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("start_epoch", INT, nullable=True, server_default="0"))
        batch.add_column(sa.Column("start_checkpoint_id", INT, nullable=True))
        batch.add_column(sa.Column("start_row", INT, nullable=True))
        for column, table in (("forked_from", "trials"), ("start_checkpoint_id", "checkpoints")):
            batch.create_foreign_key(op.f(f"fk_trials_{column}_{table}"), table, [column], ["id"])
    for name, (column, condition) in INDEXES.items():
        some = sa.text(condition)
        op.create_index(name, "trials", [column], postgresql_where=some, sqlite_where=some)


def downgrade() -> None:
    """Drop them; a fork goes on from what it has saved itself, and one that has not begun is cancelled."""
    op.execute("UPDATE trials SET state = 'cancelled' WHERE start_epoch IS NULL")
    for name in INDEXES:
        op.drop_index(name, "trials")
    with op.batch_alter_table("trials") as batch:
        for column, table in (("forked_from", "trials"), ("start_checkpoint_id", "checkpoints")):
            batch.drop_constraint(op.f(f"fk_trials_{column}_{table}"), type_="foreignkey")
        for column in ("start_row", "start_checkpoint_id", "start_epoch", "forked_from"):
            batch.drop_column(column)
    op.drop_column("packs", "save_asked")
