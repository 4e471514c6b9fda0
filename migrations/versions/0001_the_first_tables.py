"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("host", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("worker", sa.String(length=120), nullable=True),
        sa.Column("expires_at", INT, nullable=False),
        sa.Column("pack_id", sa.String(length=32), nullable=True),
        sa.Column("plugins", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_table(
        "speeds",
        sa.Column("shape_key", sa.String(length=64), nullable=False),
        sa.Column("machine", sa.String(length=120), nullable=False),
        sa.Column("width", INT, autoincrement=False, nullable=False),
        sa.Column("images_per_s", sa.Double(), nullable=False),
        sa.Column("measured_at", INT, nullable=False),
        sa.PrimaryKeyConstraint("shape_key", "machine", "width", name=op.f("pk_speeds")),
    )
    op.create_table(
        "sweeps",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("total", INT, nullable=False),
        sa.Column("next_number", INT, nullable=False),
        sa.Column("plugins", sa.String(length=64), nullable=True),
        sa.Column("created_at", INT, nullable=False),
        sa.Column("started_at", INT, nullable=True),
        sa.Column("finished_at", INT, nullable=True),
        sa.Column("experiment_id", sa.String(length=64), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("exported", sa.String(length=64), nullable=True),
        sa.Column("view_saved", sa.Boolean(), nullable=False),
        sa.Column("export_owner", sa.String(length=64), nullable=True),
        sa.Column("export_until", INT, nullable=False),
        sa.CheckConstraint(
            "state IN ('active', 'paused', 'stopping', 'cancelling', 'succeeded', 'partial', 'failed', 'cancelled')",
            name=op.f("ck_sweeps_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    op.create_index("ix_sweeps_state_created_at", "sweeps", ["state", "created_at"], unique=False)
    op.create_index("ix_sweeps_created_at_id", "sweeps", ["created_at", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", INT, nullable=False),
        sa.Column("tx", INT, nullable=False),
        sa.Column("at", INT, nullable=False),
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_events_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_sweep_id_tx_id", "events", ["sweep_id", "tx", "id"], unique=False)
    op.create_index("ix_events_tx_id", "events", ["tx", "id"], unique=False)
    op.create_index("ix_events_at", "events", ["at"], unique=False)
    op.create_table(
        "submit_keys",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_submit_keys_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_submit_keys")),
    )
    op.create_index("ix_submit_keys_created_at", "submit_keys", ["created_at"], unique=False)
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("host", sa.String(length=120), nullable=False),
        sa.Column("pid", INT, nullable=False),
        sa.Column("started_at", INT, nullable=False),
        sa.Column("seen", INT, nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "packs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.Column("shape", INT, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("width", INT, nullable=False),
        sa.Column("start_epoch", INT, nullable=False),
        sa.Column("target_epoch", INT, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.Column("sent_at", INT, nullable=True),
        sa.Column("sends", INT, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("worker", sa.String(length=120), nullable=True),
        sa.Column("device", sa.String(length=200), nullable=True),
        sa.Column("machine", sa.JSON(), nullable=True),
        sa.Column("leased_at", INT, nullable=True),
        sa.Column("seen", INT, nullable=True),
        sa.Column("expires_at", INT, nullable=True),
        sa.Column("closed_at", INT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("busy_ms", INT, nullable=False),
        sa.Column("work_ms", INT, nullable=False),
        sa.CheckConstraint("state <> 'running' OR token IS NOT NULL", name=op.f("ck_packs_token")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'closed', 'lost', 'withdrawn')", name=op.f("ck_packs_state")
        ),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_packs_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packs")),
    )
    op.create_index("ix_packs_state_expires_at", "packs", ["state", "expires_at"], unique=False)
    op.create_index("ix_packs_sweep_id", "packs", ["sweep_id"], unique=False)

    op.create_table(
        "checkpoints",
        sa.Column("id", INT, nullable=False),
        sa.Column("pack_id", sa.String(length=32), nullable=False),
        sa.Column("epoch", INT, nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", INT, nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.Column("damaged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["pack_id"], ["packs.id"], name=op.f("fk_checkpoints_pack_id_packs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoints")),
    )
    op.create_index("ix_checkpoints_pack_id_epoch", "checkpoints", ["pack_id", "epoch"], unique=True)

    op.create_table(
        "trials",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.Column("number", INT, nullable=False),
        sa.Column("point", INT, nullable=False),
        sa.Column("replicate", INT, nullable=False),
        sa.Column("seed", INT, nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("shape", INT, nullable=False),
        sa.Column("row", INT, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("epoch", INT, nullable=False),
        sa.Column("saved_epoch", INT, nullable=False),
        sa.Column("checkpoint_id", INT, nullable=True),
        sa.Column("target_epoch", INT, nullable=False),
        sa.Column("pack_id", sa.String(length=32), nullable=True),
        sa.Column("attempts", INT, nullable=False),
        sa.Column("crashes", INT, nullable=False),
        sa.Column("losses", INT, nullable=False),
        sa.Column("most_alive", INT, nullable=True),
        sa.Column("not_before", INT, nullable=False),
        sa.Column("cancel", sa.Boolean(), nullable=False),
        sa.Column("best_value", sa.Double(), nullable=True),
        sa.Column("best_epoch", INT, nullable=True),
        sa.Column("last_value", sa.Double(), nullable=True),
        sa.Column("best_file", sa.String(length=300), nullable=True),
        sa.Column("failure", sa.JSON(), nullable=True),
        sa.Column("created_at", INT, nullable=False),
        sa.Column("started_at", INT, nullable=True),
        sa.Column("finished_at", INT, nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("exported_epoch", INT, nullable=False),
        sa.Column("exported_state", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "(state IN ('queued', 'running')) = (pack_id IS NOT NULL)", name=op.f("ck_trials_pack")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'queued', 'running', 'succeeded', 'pruned', 'failed', 'cancelled')",
            name=op.f("ck_trials_state"),
        ),
        sa.CheckConstraint("saved_epoch <= epoch AND epoch <= target_epoch", name=op.f("ck_trials_epochs")),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoints.id"], name=op.f("fk_trials_checkpoint_id_checkpoints")
        ),
        sa.ForeignKeyConstraint(["pack_id"], ["packs.id"], name=op.f("fk_trials_pack_id_packs")),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name=op.f("fk_trials_sweep_id_sweeps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
    )
    op.create_index("ix_trials_pack_id", "trials", ["pack_id"], unique=False)
    op.create_index("ix_trials_sweep_id_number", "trials", ["sweep_id", "number"], unique=True)
    op.create_index("ix_trials_sweep_id_state", "trials", ["sweep_id", "state"], unique=False)
    op.create_index("ix_trials_sweep_id_point", "trials", ["sweep_id", "point"], unique=False)

    op.create_table(
        "pack_rows",
        sa.Column("pack_id", sa.String(length=32), nullable=False),
        sa.Column("row", INT, autoincrement=False, nullable=False),
        sa.Column("trial_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["pack_id"], ["packs.id"], name=op.f("fk_pack_rows_pack_id_packs")),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name=op.f("fk_pack_rows_trial_id_trials")),
        sa.PrimaryKeyConstraint("pack_id", "row", name=op.f("pk_pack_rows")),
    )
    op.create_index("ix_pack_rows_trial_id", "pack_rows", ["trial_id"], unique=False)

    op.create_table(
        "reports",
        sa.Column("trial_id", sa.String(length=40), nullable=False),
        sa.Column("epoch", INT, autoincrement=False, nullable=False),
        sa.Column("pack_id", sa.String(length=32), nullable=False),
        sa.Column("at", INT, nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["pack_id"], ["packs.id"], name=op.f("fk_reports_pack_id_packs")),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name=op.f("fk_reports_trial_id_trials")),
        sa.PrimaryKeyConstraint("trial_id", "epoch", name=op.f("pk_reports")),
    )


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("reports")
    op.drop_index("ix_pack_rows_trial_id", "pack_rows")

    op.drop_table("pack_rows")
    op.drop_index("ix_trials_sweep_id_point", "trials")
    op.drop_index("ix_trials_sweep_id_state", "trials")
    op.drop_index("ix_trials_sweep_id_number", "trials")
    op.drop_index("ix_trials_pack_id", "trials")

    op.drop_table("trials")
    op.drop_index("ix_checkpoints_pack_id_epoch", "checkpoints")

    op.drop_table("checkpoints")
    op.drop_index("ix_packs_sweep_id", "packs")
    op.drop_index("ix_packs_state_expires_at", "packs")

    op.drop_table("packs")
    op.drop_table("workers")
    op.drop_table("events")
    op.drop_table("submit_keys")
    op.drop_index("ix_sweeps_created_at_id", "sweeps")
    op.drop_index("ix_sweeps_state_created_at", "sweeps")

    op.drop_table("sweeps")
    op.drop_table("speeds")
    op.drop_table("devices")
