"""Files of packs as SQL knows them: which of them some row still names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.domain.states import PACK_FINAL
from services.store.models import Checkpoint, Pack, PackRow, Sweep, Trial


@dataclass(frozen=True)
class PackFiles:
    """What is known of one pack's files: its checkpoints and the best weights of its trials have names."""

    over: bool  # nobody writes files of it any more
    sweep_finished_at: int | None  # ms
    named: set[str] = field(default_factory=set)  # paths below the folder of files


def of_packs(session: Session, pack_ids: Sequence[str]) -> dict[str, PackFiles]:
    """What is known of the files of each pack that there is."""
    rows = session.execute(
        select(Pack.id, Pack.state, Sweep.finished_at)
        .join(Sweep, Sweep.id == Pack.sweep_id)
        .where(Pack.id.in_(pack_ids))
    )
    found = {pack_id: PackFiles(state in PACK_FINAL, finished_at) for pack_id, state, finished_at in rows}
    saved = select(Checkpoint.pack_id, Checkpoint.path).where(
        Checkpoint.pack_id.in_(found), Checkpoint.bytes > 0
    )
    best = (
        select(PackRow.pack_id, Trial.best_file)
        .join(Trial, Trial.id == PackRow.trial_id)
        .where(PackRow.pack_id.in_(found), Trial.best_file.is_not(None))
    )
    for query in (saved, best):
        for pack_id, path in session.execute(query):
            found[pack_id].named.add(str(path))
    return found


def oldest(session: Session) -> int | None:
    """When the first sweep of this database was made, in ms."""
    return session.scalars(select(func.min(Sweep.created_at))).one()
