"""The forks of a trial are found by an index"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NAME = "ix_trials_forked_from"


def upgrade() -> None:
    """Add the index."""
    some = sa.text("forked_from IS NOT NULL")
    op.create_index(NAME, "trials", ["forked_from"], postgresql_where=some, sqlite_where=some)


def downgrade() -> None:
    """Drop it."""
    op.drop_index(NAME, "trials")
