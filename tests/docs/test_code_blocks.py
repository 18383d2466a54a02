"""Code blocks and commands in the documents are ones that this repository takes."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from dbmanager_server.cli import main

from dbmanager.services.configuration import load

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
             *sorted((ROOT / "docs/reference").glob("*.md"))]  # fmt: skip
HISTORY = frozenset({"plan.md"})
"""Names what is still to be built, so its commands need not exist."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`((?:make|dbmanager) [^`]+)`")
TARGETS = frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


def _blocks(language: str) -> list[Any]:
    return [
        pytest.param(text, id=f"{path.name}-{number}")
        for path in DOCUMENTS
        for number, (name, text) in enumerate(BLOCK.findall(path.read_text("utf-8")), 1)
        if name == language
    ]


def _commands() -> list[Any]:
    found: list[Any] = []
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        lines = [line for language, block in BLOCK.findall(text) if language == "sh" for line in block.splitlines()]
        lines += [] if path.name in HISTORY else INLINE.findall(BLOCK.sub("", text))
        found += [pytest.param(line, id=f"{path.name}-{line[:50]}") for line in dict.fromkeys(lines) if line.strip()]
    return found


def parses(words: list[str]) -> None:
    """Parse a `dbmanager` command line as click does, but look for no file."""
    command = main.commands[words[1]]
    context = click.Context(command, info_name=words[1])
    given, left, _ = command.make_parser(context).parse_args(words[2:])
    assert left == []
    for parameter in command.params:
        if not isinstance(parameter.type, click.Path):
            value, _ = parameter.consume_value(context, given)
            parameter.process_value(context, value)


def _entries(value: object) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value or Python literal that starts a server."""
    if isinstance(value, dict):
        if "command" in value:
            yield value
        for inner in value.values():
            yield from _entries(inner)


def test_there_is_no_block_that_nothing_looks_at() -> None:
    languages = {name for path in DOCUMENTS for name, _ in BLOCK.findall(path.read_text("utf-8"))}
    assert languages <= {"sh", "json", "toml", "python", "ini"}


@pytest.mark.parametrize("text", _blocks("toml"))
def test_a_configuration_example_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text(text, "utf-8")
    assert load(folder=tmp_path, path=tmp_path / "dbmanager.toml", environ={}).configuration.connections


@pytest.mark.parametrize("text", _blocks("ini"))
def test_a_service_unit_starts_this_program(text: str) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string(text)
    program, *arguments = unit["Service"]["ExecStart"].split()
    assert program.endswith("/dbmanager")
    parses(["dbmanager", *arguments])


@pytest.mark.parametrize("text", _blocks("json"))
def test_a_registration_starts_this_server_as_it_wants_to_be_started(text: str) -> None:
    ours = [entry for entry in _entries(json.loads(text)) if entry["command"] == "dbmanager"]
    assert len(ours) == 1
    parses(["dbmanager", *ours[0]["args"]])


def test_the_readme_shows_the_registration_that_is_committed() -> None:
    shown = [text for name, text in BLOCK.findall((ROOT / "README.md").read_text("utf-8")) if name == "json"]
    assert [json.loads(text) for text in shown] == [json.loads((ROOT / "mcp.json").read_text("utf-8"))]


@pytest.mark.parametrize("text", _blocks("python"))
def test_a_framework_example_starts_this_server(text: str) -> None:
    nodes = list(ast.walk(ast.parse(text)))
    arguments = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "args"]
    arguments += [
        value for node in nodes if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "args"
    ]  # fmt: skip
    assert len(arguments) == 1
    assert "dbmanager" in {node.value for node in nodes if isinstance(node, ast.Constant)}
    parses(["dbmanager", *ast.literal_eval(arguments[0])])


def _names_a_server_of_the_compose_file(words: list[str]) -> None:
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    if words[0] == "export":
        name, url = words[1].split("=", 1)
        assert re.fullmatch("DBMANAGER_TEST_(POSTGRESQL|MYSQL|MONGODB|REDIS)_URL", name)
        assert f"127.0.0.1:{urlsplit(url).port}:" in compose
    else:
        assert words[1] == "compose"


@pytest.mark.parametrize("line", _commands())
def test_a_command_exists_as_it_is_written(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        targets = [word for word in words[1:] if "=" not in word]
        assert set(targets) <= TARGETS
        assert all(re.search(rf"\$\({word.split('=')[0]}\)", (ROOT / "Makefile").read_text("utf-8"))
                   for word in words[1:] if "=" in word)  # fmt: skip
    elif words[0] in ("docker", "export"):
        _names_a_server_of_the_compose_file(words)
    else:
        parses(words[words.index("--") + 1 :] if words[0] == "claude" else words)


@pytest.mark.parametrize("line", ["dbmanager serve --fazes 1", "dbmanager serve --phases 9", "dbmanager approve",
                                  "dbmanager doctor twice", "dbmanager demo --shop none"])  # fmt: skip
def test_a_command_that_does_not_exist_would_be_noticed(line: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parses(shlex.split(line))
