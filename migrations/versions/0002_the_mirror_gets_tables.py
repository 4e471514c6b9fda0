"""What MLflow has of sweeps and trials gets tables of its own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.columns import add_filled

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the two tables, move what is known into them, and drop the columns it was in."""
    op.create_table(
        "mirror_sweeps",
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.Column("experiment_id", sa.String(length=64), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("exported", sa.String(length=64), nullable=True),
        sa.Column("view_saved", sa.Boolean(), nullable=False),
        sa.Column("left_out", sa.String(length=16), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", INT, nullable=False),
        sa.CheckConstraint("left_out IN ('deleted', 'refused')", name=op.f("ck_mirror_sweeps_left_out")),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_mirror_sweeps_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("sweep_id", name=op.f("pk_mirror_sweeps")),
    )
    op.create_table(
        "mirror_trials",
        sa.Column("trial_id", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("exported_epoch", INT, nullable=False),
        sa.Column("exported_state", sa.String(length=16), nullable=True),
        sa.Column("left_out", sa.String(length=16), nullable=True),
        sa.CheckConstraint("left_out IN ('deleted', 'refused')", name=op.f("ck_mirror_trials_left_out")),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name=op.f("fk_mirror_trials_trial_id_trials")),
        sa.PrimaryKeyConstraint("trial_id", name=op.f("pk_mirror_trials")),
    )
    # Revision 0001 kept "deleted" and "refused" where otherwise a digest or a state is.
    op.execute(
        "INSERT INTO mirror_sweeps (sweep_id, experiment_id, run_id, exported, view_saved, left_out, "
        "lease_owner, lease_until) SELECT id, experiment_id, run_id, "
        "CASE WHEN exported IN ('deleted', 'refused') THEN NULL ELSE exported END, view_saved, "
        "CASE WHEN exported IN ('deleted', 'refused') THEN exported END, export_owner, export_until FROM sweeps"
    )
    op.execute(
        "INSERT INTO mirror_trials (trial_id, run_id, exported_epoch, exported_state, left_out) "
        "SELECT id, run_id, exported_epoch, "
        "CASE WHEN exported_state IN ('deleted', 'refused') THEN NULL ELSE exported_state END, "
        "CASE WHEN exported_state IN ('deleted', 'refused') THEN exported_state END FROM trials"
    )
    for column in ("experiment_id", "run_id", "exported", "view_saved", "export_owner", "export_until"):
        op.drop_column("sweeps", column)
    for column in ("run_id", "exported_epoch", "exported_state"):
        op.drop_column("trials", column)


def downgrade() -> None:
    """Put the columns back, with what the two tables hold."""
    op.add_column("sweeps", sa.Column("experiment_id", sa.String(length=64), nullable=True))
    op.add_column("sweeps", sa.Column("run_id", sa.String(length=64), nullable=True))
    op.add_column("sweeps", sa.Column("exported", sa.String(length=64), nullable=True))
    add_filled("sweeps", "view_saved", sa.Boolean(), sa.false())
    op.add_column("sweeps", sa.Column("export_owner", sa.String(length=64), nullable=True))
    add_filled("sweeps", "export_until", INT, sa.text("0"))
    op.add_column("trials", sa.Column("run_id", sa.String(length=64), nullable=True))
    add_filled("trials", "exported_epoch", INT, sa.text("0"))
    op.add_column("trials", sa.Column("exported_state", sa.String(length=16), nullable=True))
    op.execute(
        "UPDATE sweeps SET experiment_id = m.experiment_id, run_id = m.run_id, "
        "exported = COALESCE(m.left_out, m.exported), view_saved = m.view_saved, "
        "export_owner = m.lease_owner, export_until = m.lease_until "
        "FROM mirror_sweeps AS m WHERE m.sweep_id = sweeps.id"
    )
    op.execute(
        "UPDATE trials SET run_id = m.run_id, exported_epoch = m.exported_epoch, "
        "exported_state = COALESCE(m.left_out, m.exported_state) "
        "FROM mirror_trials AS m WHERE m.trial_id = trials.id"
    )
    op.drop_table("mirror_trials")
    op.drop_table("mirror_sweeps")
