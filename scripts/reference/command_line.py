"""The command line, as click knows it."""

from __future__ import annotations

from dataclasses import dataclass

import click
from dbmanager_server.cli import main


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option or argument of a command."""

    names: str
    type: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what it does and takes."""

    usage: str
    help: str
    parameters: list[Parameter]


def commands() -> list[Command]:
    """Return the commands in alphabetical order."""
    return [_command(name, main.commands[name]) for name in sorted(main.commands)]


def _command(name: str, command: click.Command) -> Command:
    arguments = [(p.name or "").upper() for p in command.params if isinstance(p, click.Argument)]
    usage = " ".join(["dbmanager", name, *arguments, "[OPTIONS]"])
    return Command(usage, command.help or "", [_parameter(p) for p in command.params])


def _parameter(parameter: click.Parameter) -> Parameter:
    if isinstance(parameter, click.Argument):
        return Parameter((parameter.name or "").upper(), "required", "", "")
    assert isinstance(parameter, click.Option)
    kind = parameter.type
    words = " or ".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name
    default = str(parameter.default) if isinstance(parameter.default, str | int) or parameter.show_default else ""
    repeat = "; may be given several times" if parameter.multiple else ""
    return Parameter(", ".join(parameter.opts), words + repeat, default, parameter.help or "")
