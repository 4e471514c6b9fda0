"""A trial has an identity, by which another one that has finished is found and reused"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns; trials of before have no identity, so none of them is reused."""
    add_filled("sweeps", "looked_up", INT, sa.text("0"))
    with op.batch_alter_table("sweeps") as batch:
        batch.add_column(sa.Column("extends", sa.String(length=32), nullable=True))
        batch.create_foreign_key(op.f("fk_sweeps_extends_sweeps"), "sweeps", ["extends"], ["id"])
    add_filled("trials", "reused_epochs", INT, sa.text("0"))
    with op.batch_alter_table("trials") as batch:
        batch.add_column(sa.Column("identity", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("reused_from", sa.String(length=40), nullable=True))
        batch.create_foreign_key(op.f("fk_trials_reused_from_trials"), "trials", ["reused_from"], ["id"])
    some = sa.text("state = 'succeeded' AND reused_epochs < target_epoch")
    op.create_index("ix_trials_identity", "trials", ["identity"], postgresql_where=some, sqlite_where=some)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_trials_identity", "trials")
    with op.batch_alter_table("trials") as batch:
        batch.drop_constraint(op.f("fk_trials_reused_from_trials"), type_="foreignkey")
        for name in ("reused_from", "identity", "reused_epochs"):
            batch.drop_column(name)
    with op.batch_alter_table("sweeps") as batch:
        batch.drop_constraint(op.f("fk_sweeps_extends_sweeps"), type_="foreignkey")
        for name in ("extends", "looked_up"):
            batch.drop_column(name)
