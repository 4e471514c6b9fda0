"""How convolutions are computed on GPUs is settled once for each shape, width and kind of machine"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "convolution_choices",
        sa.Column("shape_key", sa.String(64), nullable=False),
        sa.Column("machine", sa.String(120), nullable=False),
        sa.Column("width", INT, autoincrement=False, nullable=False),
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("way", sa.String(40), nullable=False),
        sa.Column("chosen_at", INT, nullable=False),
        sa.PrimaryKeyConstraint("shape_key", "machine", "width", "task", name="pk_convolution_choices"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("convolution_choices")
