"""The command that looks at a database again and proposes what to do next; nothing is changed without an approval."""

from __future__ import annotations

import click

from dbmanager.phases.optimization.reviewing import proposed, review, review_lines
from dbmanager.services.configuration import LoadedConfiguration
from dbmanager_server.app import make_services


async def look_again(loaded: LoadedConfiguration, connection: str, propose: bool) -> None:
    """Print a review, and with `propose` make its plan a change set that a person approves."""
    services = make_services(loaded)
    try:
        found = await review(services, connection)
        click.echo(services.redactor.text("\n".join(review_lines(found))))
        if found.plan is None:
            click.echo("Nothing to propose.")
        elif propose:
            change, is_new = await proposed(services, found.plan)
            click.echo(
                f"{'Proposed' if is_new else 'Already proposed and waiting:'} {change.id} with {len(found.plan.steps)} steps. "
                f"Look at it and approve: dbmanager approve {change.id}"
            )
        else:
            titles = "\n".join(f"- {step.title}" for step in found.plan.steps)
            click.echo(
                services.redactor.text(f"--propose makes a change set of {len(found.plan.steps)} steps:\n{titles}")
            )
    finally:
        await services.close()
