"""The step that creates a schema where it is missing."""

from __future__ import annotations

from dbmanager.adapters.facets import Adapter, Emit, Unsupported
from dbmanager.model.changes import ChangeStep, Probe


async def schema_steps(target: Adapter, emit: Emit, wanted: str | None) -> list[ChangeStep]:
    """Return the step that creates the wanted schema where it is missing; engines without schemas need none."""
    emission = emit.create_schema(wanted) if wanted else None
    if wanted is None or emission is None or isinstance(emission, Unsupported):
        return []
    probe, parameters = emit.schema_exists_probe(wanted)
    if (await target.query.fetch(probe, parameters))[0][0]:
        return []
    return [
        ChangeStep(
            title=f"create schema {wanted}", statement=emission.statements[0], inverse=emission.inverse,
            postcondition=Probe(statement=probe, parameters=parameters, expected=1),
        )
    ]  # fmt: skip
