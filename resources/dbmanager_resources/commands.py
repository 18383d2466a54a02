"""The commands analyze, design and implement, and the worked examples, as texts for a model."""

from __future__ import annotations

import itertools

from dbmanager_resources import briefs, words
from dbmanager_resources.experts import BY_NAME

ANSWERS = {
    "text": "Answer in a few sentences, each figure with the tool that gave it.",
    "json": 'Answer with one JSON object and nothing else: {"focus", "findings": [{"severity", "object", "evidence", "tool", '
    '"fix"}], "questions": [], "not_checked": []}.',
    "report": "Answer with a Markdown report: summary, findings (worst first, each with evidence), what could not be "
    "checked, questions for the user, next steps. With a project, `export_deliverables` keeps it.",
}
SAFE = (
    "Safe: one change set at a time, its way back shown before its way there; what can't be undone needs its own yes."
)
TESTED = "With tests: the last steps prove the result; what they don't prove is not done."


def _where(connection: str, project: str) -> str:
    place = f"on connection {connection}" if connection else "on a connection that `list_connections` names"
    return f"{place}, project {project}" if project else place


def analyze(focus: str, depth: str, form: str, connection: str, project: str) -> str:
    """Return the prompt of `analyze`.

    Raises: InvalidChoice for a word that is none.
    """
    focus = words.chosen("focus", focus, words.FOCUS, "requirements")
    depth = words.chosen("depth", depth, words.DEPTH, "quick")
    form = words.chosen("format", form, words.ANALYSIS_FORMAT, "text")
    brief = briefs.commands()["analyze"][focus]
    steps = [step for step in brief.steps if depth == "deep" or step.when != "deep"]
    lead = BY_NAME[brief.lead]
    return "\n".join(
        [
            f"Analyze {focus} ({depth}) {_where(connection, project)}. Change nothing in the database. Speak as the {lead.title}: "
            f"weigh {lead.considers}.",
            briefs.numbered(steps),
            "Measured, inferred and assumed are told apart.",
            ANSWERS[form],
        ]
    )


def design(kind: str, form: str, goal: str, connection: str, project: str) -> str:
    """Return the prompt of `design`.

    Raises: InvalidChoice for a word that is none.
    """
    words.chosen("type", kind, words.TYPE, "database")
    form = words.chosen("format", form, words.DESIGN_FORMAT, "spec")
    phase = briefs.phases()[2]
    steps = [*(step for step in phase.steps if step.tool != "propose_change"), *briefs.commands()["design"][form].steps]
    last = {step.tool: step for step in steps}
    return "\n".join(
        [
            f"Design a database{f' for {goal}' if goal else ''} {_where(connection, project)}: a complete architecture, "
            f"delivered as {form}.",
            "First ask: " + " ".join(briefs.phases()[1].ask),
            briefs.numbered(last.values()),
            briefs.companions({"reasoning": "two designs against the same queries", **phase.companions}),
            "Nothing is applied: end with the design, what was refused and why, and the open questions.",
        ]
    )


def implement(feature: str, safe: str, with_tests: str, connection: str, target: str, project: str) -> str:
    """Return the prompt of `implement`.

    Raises: InvalidChoice for a word that is none.
    """
    feature = words.chosen("feature", feature, words.FEATURE, "")
    kept = {"": True, "safe": words.switched("safe", safe, "true")}
    kept["tests"] = words.switched("with_tests", with_tests, "true")
    brief = briefs.commands()["implement"][feature]
    parts = [
        f"Implement {feature} {_where(connection, project)}{f', target {target}' if target else ''}. It leads to "
        f"{brief.result}. The {BY_NAME[brief.lead].title} leads.",
        briefs.numbered(step for step in brief.steps if kept[step.when]),
        SAFE if kept["safe"] else "",
        TESTED if kept["tests"] else "",
        briefs.WRITING,
    ]
    return "\n".join(part for part in parts if part)


def example(name: str, connection: str, target: str) -> str:
    """Return the prompt of a worked example."""
    brief = briefs.examples()[name]
    count = itertools.count(1)
    stages = [f"{stage.title}\n" + "\n".join(step.line(next(count)) for step in stage.steps) for stage in brief.stages]
    places = f"Connection {connection or '(choose by `list_connections`)'}" + (f", target {target}" if target else "")
    return "\n\n".join(
        [
            f"{brief.about}\n{places}. One project holds all of it: pass its id to every tool. First ask: {brief.ask}",
            *stages,
            f"{briefs.WRITING} {briefs.companions(brief.companions)}",
        ]
    )
