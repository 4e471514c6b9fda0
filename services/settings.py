"""The settings of every process, read from the environment; nothing else reads environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.addresses import without_passwords

MIN_API_KEY_CHARS = 16


class Settings(BaseSettings):
    """Everything that can be set; the environment variable is `CNNLAB_` and the field's name.

    Addresses and secrets that every process needs have no default: a missing one is refused at start.
    """

    model_config = SettingsConfigDict(env_prefix="CNNLAB_", extra="ignore", frozen=True)

    database_url: Annotated[
        str, Field(description="SQLAlchemy address, sqlite:///… or postgresql+psycopg://…")
    ]
    redis_url: Annotated[
        SecretStr, Field(description="Address of the Redis that holds Celery's queue, with its password")
    ]
    files: Annotated[Path, Field(description="Folder for checkpoints and logs, shared by all workers")]
    mlflow_url: Annotated[
        str | None, Field(description="MLflow server; while unset, nothing is exported")
    ] = None
    mlflow_public_url: Annotated[str | None, Field(description="MLflow address to use in links")] = None
    api_key: Annotated[SecretStr | None, Field(description="Bearer key of the HTTP API")] = None
    public_url: Annotated[str, Field(description="API address to use in links")] = "http://127.0.0.1:8080"
    allowed_hosts: Annotated[
        str | None,
        Field(
            description="Names by which the API may be reached, separated by commas, besides IP addresses, "
            "localhost and the name in CNNLAB_PUBLIC_URL"
        ),
    ] = None
    data: Annotated[Path | None, Field(description="Folder of data sets; your own data must be below it")] = (
        None
    )
    plugins: Annotated[
        Path | None, Field(description="Folder of plug-ins, which are your own entry files")
    ] = None
    queue_prefix: Annotated[str, Field(description="Prefix of every Redis key")] = "cnnlab:"
    devices: Annotated[
        str,
        Field(
            description="Devices that workers of this host may claim: auto, or a list such as cpu:0,cuda:0"
        ),
    ] = "auto"
    kernels: Annotated[
        str | None,
        Field(
            description="Folder of the compiled operations, an absolute path, or off; while unset, a folder "
            "in the user's cache"
        ),
    ] = None
    graphs: Annotated[
        str | None, Field(description="off has every step called layer by layer, not recorded")
    ] = None
    threads: Annotated[int, Field(ge=1, description="CPU threads of each runner")] = 1
    lease_ttl: Annotated[
        float, Field(gt=0, description="Seconds without a heartbeat after which a worker loses its pack")
    ] = 30.0
    idle_transaction: Annotated[
        float, Field(gt=0, description="Seconds after which PostgreSQL ends a transaction that stands still")
    ] = 30.0
    lock_timeout: Annotated[
        float, Field(gt=0, description="Seconds to wait for a lock in PostgreSQL before a write starts again")
    ] = 10.0
    logs_kept: Annotated[
        float, Field(ge=0, description="Days that a pack's log is kept after the end of its sweep")
    ] = 30.0
    checkpoints_kept: Annotated[
        float,
        Field(
            ge=0,
            description="Days that the last checkpoint of a trial that has succeeded is kept, from which a "
            "longer trial can go on; 0 writes none",
        ),
    ] = 7.0
    orphans_kept: Annotated[
        float, Field(gt=0, description="Hours that a file which no row names is kept after its last change")
    ] = 24.0
    heartbeat: Annotated[float, Field(gt=0, description="Seconds between renewals of a lease")] = 5.0
    redispatch: Annotated[
        float, Field(gt=0, description="Seconds until a queued pack is announced again")
    ] = 45.0
    upkeep_period: Annotated[float, Field(gt=0, description="Seconds between rounds of the chores")] = 2.0
    checkpoint_every: Annotated[
        float, Field(ge=0, description="Minimum seconds between two checkpoints of a pack")
    ] = 10.0
    stall_factor: Annotated[
        float,
        Field(ge=1, description="Expected epochs' time without progress after which a runner is killed"),
    ] = 10.0
    stall_floor: Annotated[
        float, Field(gt=0, description="Fewest seconds without progress after which a runner is killed")
    ] = 300.0
    stall_start: Annotated[
        float,
        Field(gt=0, description="The same before a pack's first epoch, while data is fetched and prepared"),
    ] = 1800.0
    trial_limit: Annotated[
        int, Field(ge=1, description="Most trials of a sweep that does not set max_trials")
    ] = 1000
    pack_memory: Annotated[int, Field(ge=1, description="Most bytes of memory for the rows of one pack")] = (
        2 * 1024**3
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: object) -> object:
        """Refuse what an environment file leaves around a value: it would be part of it."""
        if isinstance(value, str) and value != value.strip():
            raise ValueError(
                "begins or ends with white space; a .env file with Windows line ends leaves a carriage return"
            )
        if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            raise ValueError("is in quotes, which would be part of it; leave them out")
        return value

    @field_validator("api_key")
    @classmethod
    def _strong(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < MIN_API_KEY_CHARS:
            raise ValueError(
                f"must have at least {MIN_API_KEY_CHARS} characters, got {len(key.get_secret_value())}; "
                "make one with: openssl rand -hex 24"
            )
        return key

    @field_validator("data", "plugins")
    @classmethod
    def _folder(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_dir():
            raise ValueError(f"must be a folder that exists, got {str(path)!r}")
        return path

    @field_validator("kernels")
    @classmethod
    def _off_or_folder(cls, value: str | None) -> str | None:
        """Refuse what `cnnlab` refuses, too, and a file."""
        path = Path(value or "/")
        if value != "off" and (not path.is_absolute() or path.is_file()):
            what = ", which is a file" if path.is_file() else ""
            raise ValueError(f"must be off, or the absolute path of a folder, got {value!r}{what}")
        return value

    @field_validator("graphs")
    @classmethod
    def _off(cls, value: str | None) -> str | None:
        if value and value != "off":
            raise ValueError(f"must be off, or not set, got {value!r}")
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment; end the program if a setting is missing or wrong, and name each."""
        try:
            return cls()  # type: ignore[call-arg]  # the environment gives the rest
        except ValidationError as error:
            raise SystemExit(f"settings: {_describe(error)}") from None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Return what a process with this environment would read; `ValidationError` if it could not start."""
        names = {f"CNNLAB_{name.upper()}": name for name in cls.model_fields}
        return cls(**{names[key]: value for key, value in environment.items() if key in names})  # type: ignore[arg-type]

    @classmethod
    def faults(cls, environment: Mapping[str, str]) -> str | None:
        """Describe what keeps a process with this environment from starting; None if it would start."""
        try:
            cls.of(environment)
        except ValidationError as error:
            return _describe(error)
        return None

    def link_to_mlflow(self) -> str | None:
        """Return the MLflow address to use in links, without a password; None without MLflow."""
        address = self.mlflow_public_url or self.mlflow_url
        return address and without_passwords(address)


def _describe(error: ValidationError) -> str:
    faults = (
        f"CNNLAB_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
    )
    return "; ".join(faults)
