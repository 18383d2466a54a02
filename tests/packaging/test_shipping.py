"""What is shipped says one version, keeps the formats of those who take it, and starts."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
import pytest
from mcp import Client, StdioServerParameters
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from benchmarks import npm
from dbmanager import __version__
from scripts import bundle

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SERVER: dict[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
SCRIPTS = Path(sysconfig.get_path("scripts"))


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class _Input(_Closed):
    description: str
    is_required: bool = False
    is_secret: bool = False
    format: Literal["string", "number", "boolean", "filepath"] = "string"


class _Variable(_Input):
    name: str


class _Positional(_Closed):
    type: Literal["positional"]
    value: str


class _Named(_Input):
    type: Literal["named"]
    name: Annotated[str, Field(pattern="^--")]


class _Stdio(_Closed):
    type: Literal["stdio"]


class _Package(_Closed):
    registry_type: Literal["pypi"]
    identifier: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    runtime_hint: Literal["uvx"]
    transport: _Stdio
    package_arguments: list[Annotated[_Positional | _Named, Field(discriminator="type")]]
    environment_variables: list[_Variable]


class _Server(_Closed):
    """What the registry's schema of 2025-12-11 wants of the keys that we use; the schema itself is not fetched here."""

    schema_: Annotated[str, Field(alias="$schema", pattern="/schemas/2025-12-11/server.schema.json$")]
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", min_length=3, max_length=200)]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(min_length=1, max_length=100)]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    packages: Annotated[list[_Package], Field(min_length=1)]


def test_every_file_says_the_same_version() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    changelog = (ROOT / "CHANGELOG.md").read_text()
    said = {
        "dbmanager": __version__, "server.json": SERVER["version"], "manifest": bundle.manifest()["version"],
        "Dockerfile": re.findall(r'image\.version="([^"]+)"', dockerfile)[0],
        **{f"package {package['identifier']}": package["version"] for package in SERVER["packages"]},
    }  # fmt: skip
    assert said == dict.fromkeys(said, PROJECT["version"])
    assert re.search(rf"^## \[?(Unreleased|{re.escape(PROJECT['version'])})", changelog, re.M)


def test_the_registry_entry_keeps_the_registrys_format() -> None:
    entry = _Server.model_validate(SERVER)
    assert entry.packages[0].identifier == PROJECT["name"]
    assert f"mcp-name: {entry.name}" in (ROOT / "README.md").read_text("utf-8")
    assert PROJECT["name"] in PROJECT["scripts"], "uvx and pipx run a program of the package's name"


def test_the_root_file_registers_the_console_script() -> None:
    registered = json.loads((ROOT / "mcp.json").read_text("utf-8"))["mcpServers"]
    assert registered == {"dbmanager": {"command": "dbmanager", "args": ["serve"]}}
    assert registered["dbmanager"]["command"] in PROJECT["scripts"]


def test_the_dockerfile_is_clean_and_copies_what_is_there() -> None:
    done = subprocess.run([SCRIPTS / "hadolint", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    copied = [word for line in re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M) for word in line.split()]  # fmt: skip
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored
    extras = re.findall(r'"\.\[(.+)\]"', (ROOT / "Dockerfile").read_text())[0].split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle.build(tmp_path_factory.mktemp("bundle") / "it.mcpb")


@pytest.mark.slow
def test_the_bundle_is_valid_small_and_keeps_secrets_secret(packed: Path) -> None:
    with zipfile.ZipFile(packed) as opened:
        names = opened.namelist()
        manifest = json.loads(opened.read("manifest.json"))
    assert packed.stat().st_size < 2_000_000
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", ".venv/"))]
    assert manifest["server"]["entry_point"] in names
    assert manifest["user_config"]["database_url"]["sensitive"] is True
    broken = packed.with_name("broken.json")
    broken.write_text(json.dumps({**manifest, "server": {"type": "uv"}}))
    validate = [*npm.command(npm.installed(bundle.PACKER), "mcpb"), "validate", str(broken)]
    assert subprocess.run(validate, capture_output=True, env=npm.environment(), check=False).returncode != 0


@pytest.mark.slow
@pytest.mark.anyio
async def test_the_bundle_starts_as_a_host_starts_it(packed: Path, tmp_path: Path) -> None:
    """The host unpacks, puts in what its user gave, and runs the command: here with uv and an address of SQLite."""
    home, folder = tmp_path / "home", tmp_path / "unpacked"
    home.mkdir()
    with zipfile.ZipFile(packed) as opened:
        opened.extractall(folder)
    file = tmp_path / "shop.db"
    sqlite3.connect(file).close()
    manifest = json.loads((folder / "manifest.json").read_text())
    given = {"${user_config.database_url}": f"sqlite:///{file}", "${user_config.configuration}": "", "${__dirname}": str(folder)}  # fmt: skip
    config = manifest["server"]["mcp_config"]
    environment = {name: given.get(value, value) for name, value in config["env"].items()}
    inherited = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_", "HTTP"))}
    parameters = StdioServerParameters(
        command=str(SCRIPTS / config["command"]),
        args=[given.get(argument, argument) for argument in config["args"]],
        cwd="/",
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "XDG_DATA_HOME": str(home),
            **inherited,
            **environment,
        },
    )
    with anyio.fail_after(300):
        async with Client(parameters) as client:
            result = await client.call_tool("run_query", {"connection": "default", "sql": "SELECT 41 + 1 AS n"})
            assert "42" in str(result.content)
