"""The six phases as skills: each phase's brief with the front matter that skill catalogs want."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dbmanager.model.projects import PHASES, Phase
from dbmanager_resources.prompts import phase_text


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill, which is one file.

    Attributes:
        name: lower-case words joined by hyphens; also the folder's name in `uri`.
        description: what it does and when to take it.
    """

    name: str
    description: str
    body: str

    @property
    def uri(self) -> str:
        """The address of its SKILL.md."""
        return f"skill://dbmanager/{self.name}/SKILL.md"

    @property
    def frontmatter(self) -> dict[str, str]:
        """What stands at the head of the file."""
        return {"name": self.name, "description": self.description}

    @property
    def text(self) -> str:
        """The file; JSON's strings are YAML's as well."""
        head = "\n".join(f"{key}: {json.dumps(value)}" for key, value in self.frontmatter.items())
        return f"---\n{head}\n---\n\n{self.body.rstrip()}\n"

    @property
    def digest(self) -> str:
        """The digest of the file as it is read: `sha256:` and 64 hex digits."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"


def skills(phases: Iterable[int] | None = None) -> tuple[Skill, ...]:
    """Return the skills of these phases (all when None), in the order of the workflow."""
    wanted = None if phases is None else set(phases)
    return tuple(_skill(phase) for phase in PHASES if wanted is None or phase.number in wanted)


def _skill(phase: Phase) -> Skill:
    name = "-".join(re.findall(r"[a-z0-9]+", phase.title.casefold()))
    asked = "; ".join(dict.fromkeys(demand.what for demand in phase.demands))
    description = (
        f"Work through phase {phase.number} of managing a database, {phase.title}, with the dbmanager tools. "
        f"It is done when {asked}."
    )
    return Skill(name, description, phase_text(phase, "", ""))
