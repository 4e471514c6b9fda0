"""How Alembic connects; the models are imported only to compare them with the database."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from services.store import (  # noqa: F401 (they register the tables)
    convolution_choices,
    mirror_change,
    models,
    rung_decisions,
    speeds,
    submit_keys,
    workers,
)
from services.store.table import Base


def run() -> None:
    """Run the pending steps in one transaction."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
