"""Only the best trials have files in MLflow, some still to be sent; and when MLflow last took something"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEX, TABLE = "ix_mirror_trials_files_due", "mirror_trials"


def upgrade() -> None:
    """Replace the mark of files that were sent; what has ended before keeps the files that it has."""
    op.drop_index(INDEX, TABLE)
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_column("files_sent")
        batch.add_column(sa.Column("files_due", sa.Boolean(), nullable=False, server_default=sa.false()))
    _index("files_due = true", "files_due = 1")
    with op.batch_alter_table("mirror_sweeps") as batch:
        batch.add_column(sa.Column("mirrored_at", INT, nullable=False, server_default="0"))


def downgrade() -> None:
    """Put the old mark back: all files count as sent."""
    with op.batch_alter_table("mirror_sweeps") as batch:
        batch.drop_column("mirrored_at")
    op.drop_index(INDEX, TABLE)
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_column("files_due")
        batch.add_column(sa.Column("files_sent", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table(TABLE) as batch:
        batch.alter_column("files_sent", server_default=sa.false())
    _index("files_sent = false", "files_sent = 0")


def _index(postgresql: str, sqlite: str) -> None:
    op.create_index(
        INDEX, TABLE, ["trial_id"], postgresql_where=sa.text(postgresql), sqlite_where=sa.text(sqlite)
    )
