"""What is done in each phase: the tools in order, what each one's evidence says, what only the user can answer."""

from __future__ import annotations

from dataclasses import dataclass

APPROVAL = (
    "A change is shown with review_change before anybody approves it. Where a person has to approve, give the user the "
    "command that the answer names and wait; never go on as if it were approved."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the tool, how it is called, and how its evidence is read."""

    tool: str
    how: str
    reads: str


@dataclass(frozen=True, slots=True)
class Brief:
    """One phase's work.

    Attributes:
        asks: questions for the user; a phase is not finished by guessing their answers.
        decides: decisions to record with update_project, each with its reason.
    """

    steps: tuple[Step, ...]
    asks: tuple[str, ...]
    decides: tuple[str, ...]
    writes: bool = False

    def text(self) -> str:
        """Return the brief for a model."""
        steps = "\n".join(
            f"{number}. `{step.tool}` {step.how}. {step.reads}" for number, step in enumerate(self.steps, 1)
        )
        parts = [f"Do, in order:\n{steps}", f"Ask the user: {' '.join(self.asks)}",
                 f"Record with `update_project`, each with its reason: {'; '.join(self.decides)}."]  # fmt: skip
        return "\n".join([*parts, APPROVAL] if self.writes else parts)


BRIEFS: dict[int, Brief] = {
    1: Brief(
        (
            Step("list_connections", "with check=true", "What cannot be reached or seen is a finding, not a gap to guess over."),
            Step("assess_database", "for each connection", "Rows and sizes say what must scale; orphans and inferred relations "
                 "say which rules the database does not hold; its open questions go to the user."),
            Step("classify_data", "for each connection", "Certain and likely columns are masked from now on; possible ones want "
                 "a person's word. Personal, payment and health data decide which rules of law apply."),
        ),
        ("How many users and rows in a year?", "Which answers must be fast, and how fast?", "How much loss and how long an "
         "outage is bearable (RPO, RTO)?", "Which laws and contracts apply (GDPR, PCI DSS, HIPAA)?"),
        ("the engine for each set of data, against the alternatives", "performance and availability targets in figures",
         "whether and how to migrate, and when"),
    ),
    2: Brief(
        (
            Step("describe_schema", "with detail=diagram, then detail=full for what matters", "Draw what is there before "
                 "proposing what should be."),
            Step("check_database", "with pack=schema", "Each finding names the object, figures and a fix; take the worst first, "
                 "and say which ones you leave and why."),
            Step("advise_indexes", "with the queries that matter", "Only indexes that the engine's own planner takes; a covering "
                 "one costs writes, so weigh it against calls."),
            Step("propose_change", "for the design, with an inverse where none is found", "It is tried on an empty copy: what "
                 "cannot run is refused here and not in production."),
        ),
        ("What identifies a row in the real world?", "What may be missing, what must be unique, what is deleted with what?",
         "What grows without bound, and how long is it kept?"),
        ("keys and normal form of each table", "references and what happens on delete", "indexes with the query behind each",
         "partitioning or none, from measured sizes"),
        writes=True,
    ),
    3: Brief(
        (
            Step("measure_queries", "with the slow queries, before anything is changed", "Work (rows, buffers) does not depend "
                 "on how busy the machine is; time does."),
            Step("explain_query", "for the worst", "A full scan of a big table, or rows far from the estimate, is where to look; "
                 "analyze=true runs it."),
            Step("advise_indexes", "with propose=true", "The change set holds every index with its effect and its undoing."),
            Step("apply_change", "once it is approved", "Each step is measured and probed; a failed one stands alone."),
            Step("measure_queries", "with the same queries", "Less work is the proof. If there is none, roll_back_change."),
            Step("verify_audit_log", "at the end", "Every write stands in it."),
        ),
        ("Which queries hurt, how often do they run, and what would be fast enough?",),
        ("each change that was kept, with work before and after", "each one that was taken back, and why"),
        writes=True,
    ),
    4: Brief(
        (
            Step("assess_database", "for the source", "Sizes give the time it takes; orphans will be refused by the target."),
            Step("plan_migration", "from source to target", "Its notes say what is emulated or rejected on the target: decide on "
                 "each with the user. freeze_seconds holds writes for a last, exact copy."),
            Step("apply_change", "with background=true", "A job: follow it with get_job, stop it with cancel_job; it goes on "
                 "after a crash where it was."),
            Step("verify_data", "from source to target", "Equal rows and checksums, or the migration is not done."),
        ),
        ("When may writes stop, and for how long?", "What happens with what the target cannot express?",
         "How long is the source kept?"),
        ("every rejected or emulated object", "the moment of the cutover and the way back"),
        writes=True,
    ),
    5: Brief(
        (
            Step("classify_data", "for each connection", "Confirm the possible columns with a person; a label that is wrong is "
                 "corrected by propose_change with a label step."),
            Step("trace_lineage", "for the queries behind reports and exports", "It tells where classified columns go."),
            Step("check_database", "with pack=security", "Critical and high first; each fix has its statement and inverse."),
            Step("propose_change", "for the fixes", "Rights and settings want a connection with access=admin."),
            Step("verify_audit_log", "at the end", "Anything but an intact chain is an incident: stop and tell the user."),
        ),
        ("Who may see which data in clear, and why?", "How long is each kept, and who deletes it?"),
        ("who has access to what", "how long data are kept", "each finding that is accepted, by whom"),
        writes=True,
    ),
    6: Brief(
        (
            Step("run_backup", "for each connection, with background=true when it is big", "Its digest and the checksum of every "
                 "table are kept; that it exists proves nothing."),
            Step("run_drill", "for the backup", "Restored, compared row by row and timed: this is the measured part of the RTO."),
            Step("export_deliverables", "at the end", "Backup scripts, procedures and the evidence, as files."),
        ),
        ("How much may be lost and how long may it take (RPO, RTO)?", "Where are copies kept that a fire or an intruder does "
         "not reach?", "Who restores at night?"),
        ("how often and how long backups are kept, against RPO", "the restore time measured, against RTO"),
    ),
}  # fmt: skip
