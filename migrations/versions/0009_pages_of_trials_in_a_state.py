"""A page of a sweep's trials in one state is found by an index that has them in order"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "trials"
BEFORE, NOW = ["sweep_id", "state"], ["sweep_id", "state", "number"]


def upgrade() -> None:
    """Add the number to the index of states."""
    _replace(BEFORE, NOW)


def downgrade() -> None:
    """Take it out again."""
    _replace(NOW, BEFORE)


def _replace(old: list[str], new: list[str]) -> None:
    op.drop_index(f"ix_{TABLE}_{'_'.join(old)}", TABLE)
    op.create_index(f"ix_{TABLE}_{'_'.join(new)}", TABLE, new)
