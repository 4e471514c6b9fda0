"""What every table is made with: names of constraints, checks of states, partial indexes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Integer, MetaData, text
from sqlalchemy.orm import DeclarativeBase

BigId = BigInteger().with_variant(Integer, "sqlite")
NULLABLE_JSON = JSON(none_as_null=True)  # None is written as NULL, not as JSON's null


class Base(DeclarativeBase):
    """Common metadata: every constraint has a name, so that migrations can drop it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, int: BigId}  # noqa: RUF012 (SQLAlchemy's protocol)


def one_of(values: type[StrEnum], column: str = "state") -> CheckConstraint:
    """Make a CHECK that a column holds one of the values."""
    names = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({names})", name=column)


def where(condition: str) -> dict[str, Any]:
    """Make the arguments of an index that holds only the rows that meet a condition."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
