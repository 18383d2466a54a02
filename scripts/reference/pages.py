"""Every generated page by its path: templates filled with what the objects say now."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import anyio
import jinja2
from dbmanager_resources import guidance

from dbmanager.analyzers.plans.judge import RULES
from dbmanager.model.configuration import Configuration
from scripts.reference.checks import checks
from scripts.reference.command_line import commands
from scripts.reference.errors import errors
from scripts.reference.json_schema import fields
from scripts.reference.proven import PATH, proven
from scripts.reference.settings import with_variables
from scripts.reference.surface import Surface, look
from tests.promises import PROMISES, STATES
from tests.tool_engines import ENGINES, NO_DATABASE, TABLE

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "docs/reference"
MARKED = re.compile(r"(?<=<!-- tools: begin -->\n).*(?=<!-- tools: end -->)", re.S)


def cell(text: object) -> str:
    """Return a text as it may stand in one cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def first_sentence(text: str) -> str:
    """Return the first sentence of a description."""
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        autoescape=False,
    )  # fmt: skip
    made.filters.update(cell=cell, first_sentence=first_sentence)
    return made


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path from the repository's root, README included.

    Starts the server in memory with an empty configuration and a throw-away store.
    """
    surface = anyio.run(look)
    made = _environment()
    settings = with_variables(fields(Configuration.model_json_schema()))
    facts: dict[str, dict[str, object]] = {
        "tools": {"surface": surface},
        "prompts": {"surface": surface},
        "resources": {"surface": surface},
        "checks": {"checks": checks(), "plan_rules": RULES},
        "errors": {"errors": errors()},
        "configuration": {"settings": settings},
        "cli": {"commands": commands()},
        "promises": {"promises": PROMISES, "states": STATES},
        "tool_engines": {
            "engines": ENGINES,
            "table": TABLE,
            "tools": sorted(TABLE[ENGINES[0]]),
            "free": NO_DATABASE,
        },
    }
    written = {
        f"{FOLDER}/{name}.md": made.get_template(f"{name}.md.j2").render(**given) for name, given in facts.items()
    }
    written["README.md"] = readme(made, surface)
    written[PATH] = proven(checks())
    written[f"{FOLDER}/guides.md"] = made.get_template("guides.md.j2").render(**guide_facts(written[PATH]))
    return written


def guide_facts(shown: str) -> dict[str, object]:
    """Return the guides, where what they name was shown, and the checks that none of them names."""
    guides = {name: guidance.guide(name) for name in guidance.names()}
    named = frozenset[str]().union(*(guide.checks for guide in guides.values()))
    known = guidance.Proven.model_validate(tomllib.loads(shown))
    return {"guides": guides, "proven": known, "unnamed": sorted(set(known.checks) - named)}


def readme(made: jinja2.Environment, surface: Surface) -> str:
    """Return the README with the tool table between its markers made anew."""
    table = made.get_template("readme_tools.md.j2").render(surface=surface)
    text, found = MARKED.subn(lambda _: table, (ROOT / "README.md").read_text("utf-8"))
    if found != 1:
        raise ValueError("README.md lacks the markers of its tool table")
    return text
