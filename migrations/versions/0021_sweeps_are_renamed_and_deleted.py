"""A sweep has a description that can change, and can be deleted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BEFORE = "'active', 'paused', 'stopping', 'cancelling', 'succeeded', 'partial', 'failed', 'cancelled'"
NOW = f"{BEFORE}, 'deleting'"
REUSED = "ix_trials_reused_from"
PACK_OF_REPORT = "fk_reports_pack_id_packs"


def upgrade() -> None:
    """Add the column and the state; keys outlive their sweep, and no row of it is looked for slowly."""
    _check(NOW)
    op.add_column("sweeps", sa.Column("description", sa.Text(), nullable=False, server_default=""))
    described = "json_extract(spec, '$.description')"
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("sweeps", "description", server_default=None)
        described = "spec ->> 'description'"
    op.execute(f"UPDATE sweeps SET description = COALESCE({described}, '')")  # noqa: S608 (one of two texts)
    some = sa.text("reused_from IS NOT NULL")
    op.create_index(REUSED, "trials", ["reused_from"], postgresql_where=some, sqlite_where=some)
    with op.batch_alter_table("submit_keys") as batch:
        batch.alter_column("sweep_id", existing_type=sa.String(32), nullable=True)
    with op.batch_alter_table("reports") as batch:
        batch.drop_constraint(op.f(PACK_OF_REPORT), type_="foreignkey")


def downgrade() -> None:
    """Take them back; a sweep that is being deleted counts as cancelled."""
    with op.batch_alter_table("reports") as batch:
        batch.create_foreign_key(op.f(PACK_OF_REPORT), "packs", ["pack_id"], ["id"])
    op.execute("DELETE FROM submit_keys WHERE sweep_id IS NULL")
    with op.batch_alter_table("submit_keys") as batch:
        batch.alter_column("sweep_id", existing_type=sa.String(32), nullable=False)
    op.drop_index(REUSED, "trials")
    op.drop_column("sweeps", "description")
    op.execute("UPDATE sweeps SET state = 'cancelled' WHERE state = 'deleting'")
    _check(BEFORE)


def _check(states: str) -> None:
    name = op.f("ck_sweeps_state")
    with op.batch_alter_table("sweeps") as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, sa.text(f"state IN ({states})"))
