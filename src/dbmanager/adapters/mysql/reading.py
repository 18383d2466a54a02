"""Chooses the statement that fits the server among the blocks that ask for the same."""

from __future__ import annotations

from dbmanager.adapters.mysql.facts import ServerFacts
from dbmanager.adapters.sql.blocks import Block, blocks

PACKAGE = "dbmanager.adapters.mysql"


def fits(block: Block, facts: ServerFacts) -> bool:
    """Whether the server has what the block needs and lacks what it must not have."""
    return (block.requires is None or block.requires in facts.has) and (
        block.unless is None or block.unless not in facts.has
    )


def chosen(prefix: str, facts: ServerFacts) -> str | None:
    """Return the first fitting statement whose name starts so; None when no such block fits."""
    return next(
        (block.sql for name, block in blocks(PACKAGE).items() if name.startswith(prefix) and fits(block, facts)), None
    )
