"""docker-compose.yml starts the service that the settings describe; Compose reads it here, no daemon does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from services.api.host_check import names_of
from services.host import HostDevice
from services.settings import Settings
from services.store import devices
from services.store.session import Store

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SCRIPTS = Path(sysconfig.get_path("scripts"))
NAMES = ("POSTGRES_PASSWORD", "MLFLOW_DATABASE_PASSWORD", "REDIS_PASSWORD", "CNNLAB_API_KEY")
SECRETS = {name: f"{number:048x}" for number, name in enumerate(NAMES)}
ROLES = {"api", "upkeep", "worker-cpu", "worker-gpu"}  # services that make a Settings


def run(*words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Compose with nothing in its environment but what is given, and no .env file."""
    command = [str(SCRIPTS / "docker-compose"), "-f", str(FILE), "--env-file", os.devnull, *words]
    clean = {"PATH": "", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean)


def config(*profiles: str, **more: str) -> dict[str, Any]:
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    done = run(*chosen, "config", "--format", "json", environment={**SECRETS, **more})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return config("gpu")["services"]  # type: ignore[no-any-return]


def test_the_gpu_worker_needs_its_profile(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) - set(config()["services"]) == {"worker-gpu"}


def test_the_file_obeys_the_compose_specification() -> None:
    command = [str(SCRIPTS / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("secret", NAMES)
@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_secret_is_refused_by_name(secret: str, empty: bool) -> None:
    rest = {name: value for name, value in SECRETS.items() if name != secret}
    done = run("config", "-q", environment={**rest, secret: ""} if empty else rest)
    assert done.returncode != 0
    assert f"put a value for {secret} into .env" in done.stderr


def test_secrets_come_from_the_environment_alone() -> None:
    """Whatever looks like a password is one of the values given here, and none stands in a command line."""
    whole = config("gpu")
    for name, service in whole["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|AUTH", variable):
                assert value in SECRETS.values(), f"{name} sets {variable} to a literal"
        told = json.dumps([service.get("command"), service.get("healthcheck")])
        assert not any(value in told for value in SECRETS.values()), f"{name} shows a secret in its command"
    assert whole["configs"]["redis"]["content"].startswith(f"requirepass {SECRETS['REDIS_PASSWORD']}\n")


def test_the_example_names_every_secret_and_gives_no_value() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert given == dict.fromkeys(SECRETS, "")


def test_every_variable_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    known = {f"CNNLAB_{field.upper()}" for field in Settings.model_fields}
    for name, service in services.items():
        used = {variable for variable in service.get("environment", {}) if variable.startswith("CNNLAB_")}
        assert used <= known, f"{name} sets {used - known}, which no setting reads"


def test_every_role_has_the_settings_without_default(services: dict[str, dict[str, Any]]) -> None:
    needed = {
        f"CNNLAB_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if field.default is PydanticUndefined and field.default_factory is None
    }
    for role in ROLES:
        assert needed <= set(services[role]["environment"]), role
    assert "CNNLAB_API_KEY" in services["api"]["environment"]


def test_every_role_s_environment_makes_settings(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for role in ROLES:
        mounted = {volume["target"] for volume in services[role].get("volumes", [])}
        for variable in [name for name in os.environ if name.startswith("CNNLAB_")]:
            monkeypatch.delenv(variable)
        for variable, value in services[role]["environment"].items():
            inside = value.startswith("/srv/")
            assert not inside or value in mounted, f"{role} has {variable}, but nothing is mounted there"
            monkeypatch.setenv(variable, str(tmp_path) if inside else value)
        settings = Settings()  # type: ignore[call-arg]
        assert settings.link_to_mlflow() == "http://127.0.0.1:5500"
        assert "postgres" in settings.database_url


def test_the_api_and_workers_read_own_data_and_entries_and_cannot_write_them(
    services: dict[str, dict[str, Any]],
) -> None:
    for role in ("api", "worker-cpu"):
        own = {
            v["target"]: (v["source"], v["read_only"])
            for v in services[role]["volumes"]
            if v.get("read_only") and v["type"] == "bind"
        }
        assert own == {
            "/srv/cnnlab/data": (str(ROOT / "data"), True),
            "/srv/cnnlab/plugins": (str(ROOT / "plugins"), True),
        }
        assert services[role]["environment"]["CNNLAB_DATA"] == "/srv/cnnlab/data"
        assert services[role]["environment"]["CNNLAB_PLUGINS"] == "/srv/cnnlab/plugins"


def test_the_api_reads_what_workers_write_and_cannot_change_it(services: dict[str, dict[str, Any]]) -> None:
    for role, read_only in (("api", True), ("upkeep", False), ("worker-cpu", False)):
        (files,) = [v for v in services[role]["volumes"] if v["source"] == "files"]
        assert (files["target"], files.get("read_only", False)) == ("/var/lib/cnnlab", read_only)
        assert services[role]["environment"]["CNNLAB_FILES"] == "/var/lib/cnnlab"


def test_ports_are_published_on_loopback_unless_configured_otherwise(
    services: dict[str, dict[str, Any]],
) -> None:
    published = {
        (name, port["host_ip"], port["published"])
        for name, service in services.items()
        for port in service.get("ports", [])
    }
    assert published == {("api", "127.0.0.1", "8080"), ("mlflow", "127.0.0.1", "5500")}
    elsewhere = config(BIND_ADDRESS="192.0.2.1", API_PORT="81")["services"]["api"]["ports"][0]
    assert (elsewhere["host_ip"], elsewhere["published"]) == ("192.0.2.1", "81")


def test_mlflow_answers_to_its_name_and_not_to_every_name(services: dict[str, dict[str, Any]]) -> None:
    allowed = services["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert services["api"]["environment"]["CNNLAB_MLFLOW_URL"] == "http://mlflow:5000"
    assert "mlflow:5000" in allowed
    assert "*" not in allowed


def test_the_api_answers_to_its_name_and_to_those_of_its_health_check_and_users() -> None:
    def names(**more: str) -> frozenset[str]:
        environment = config(**more)["services"]["api"]["environment"]
        public, allowed = environment["CNNLAB_PUBLIC_URL"], environment["CNNLAB_ALLOWED_HOSTS"]
        return names_of(
            Settings(
                database_url="sqlite://",
                redis_url=SecretStr("redis://"),
                files=ROOT,
                public_url=public,
                allowed_hosts=allowed,
            )
        )

    assert names() == {"localhost", "127.0.0.1", "api"}
    users = {"CNNLAB_PUBLIC_URL": "https://cnnlab.lab", "CNNLAB_ALLOWED_HOSTS": "a.lab, b.lab"}
    assert names(**users) == {"localhost", "cnnlab.lab", "api", "a.lab", "b.lab"}
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "http://127.0.0.1:8080/health" in text, "the health check calls the API by an address"


def test_nothing_starts_before_the_migrations_ended_well(services: dict[str, dict[str, Any]]) -> None:
    for role in ROLES:
        assert services[role]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["migrate"]["restart"] == "no"


def test_whatever_serves_comes_back_after_a_crash(services: dict[str, dict[str, Any]]) -> None:
    back = {name for name, service in services.items() if service["restart"] == "unless-stopped"}
    assert back == set(services) - {"migrate"}


def test_replicas_that_see_one_gpu_claim_it_once(sqlite_store: Store) -> None:
    """Each container has a host name of its own, but a GPU's UUID is the same in all of them."""
    first, second = (HostDevice(host, "GPU-5f0a", "cuda", "H200") for host in ("container-1", "container-2"))
    assert sqlite_store.write(lambda session: devices.claim(session, [first], "one", "token-1", 30.0))
    assert not sqlite_store.write(lambda session: devices.claim(session, [second], "two", "token-2", 30.0))


def test_workers_share_the_folder_of_files(services: dict[str, dict[str, Any]]) -> None:
    for name in ("worker-cpu", "worker-gpu", "upkeep"):
        mounted = {volume["target"]: volume["source"] for volume in services[name]["volumes"]}
        assert mounted[services[name]["environment"]["CNNLAB_FILES"]] == "files"


def test_images_are_pinned_and_ours_carry_the_version(services: dict[str, dict[str, Any]]) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?", tag), f"{name}: {service['image']}"
        if "build" in service:
            assert tag == version, f"{name}: {service['image']}, but the project is at {version}"


def test_every_target_stands_in_the_dockerfile(services: dict[str, dict[str, Any]]) -> None:
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", text, re.MULTILINE)
    assert {service["build"]["target"] for service in services.values() if "build" in service} <= {
        name for _, name in stages
    }
    outside = {base for base, _ in stages} - {name for _, name in stages}
    assert all(re.search(r":\d", base) for base in outside), f"unpinned: {outside}"
    ends = text[text.index(" AS run\n") :]
    assert re.search(r"^USER (?!root)\w+$", ends, re.MULTILINE), "images must not run as root"
    assert len(re.findall("^HEALTHCHECK ", ends, re.MULTILINE)) == 4, "each image says how its health is seen"


def test_only_images_that_train_on_gpus_install_torch_with_cuda() -> None:
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    bases = dict(reversed(pair) for pair in re.findall(r"^FROM (\S+) AS (\S+)$", text, re.MULTILINE))
    assert [stage for stage, base in bases.items() if base == "build-torch-cuda"] == ["build-worker-gpu"]


def test_images_with_torch_have_every_search() -> None:
    """The API refuses a search that it does not have; whoever has none of it leaves the asking to others."""
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    installed = [set(extras.split(",")) for extras in re.findall(r"'\.\[([a-z,]+)\]'", text)]
    assert len(installed) == 4
    for extras in installed:
        assert ("search" in extras) == ("torch" in extras), extras


def test_scripts_of_the_images_parse() -> None:
    for script in sorted((ROOT / "docker").glob("*.sh")):
        done = subprocess.run(["/bin/sh", "-n", str(script)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert os.access(script, os.X_OK), f"{script.name} must be executable"
