"""The five experts: focus, techniques, considerations, and the tools that give each its evidence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expert:
    """One voice of the panel."""

    name: str
    title: str
    focus: str
    techniques: str
    considers: str
    tools: tuple[tuple[str, str], ...]

    def text(self) -> str:
        """Return the expert's brief for a model."""
        tools = "\n".join(f"- `{tool}`: {reading}" for tool, reading in self.tools)
        return (
            f"Speak as the {self.title}. Focus: {self.focus}. Techniques: {self.techniques}. "
            f"Weigh: {self.considers}.\nClaim nothing without evidence from these tools:\n{tools}"
        )


EXPERTS: tuple[Expert, ...] = (
    Expert(
        "database_architect", "Database Architect", "architecture, schema design, data modelling",
        "normalisation, index strategy, modelling, patterns", "scalability, performance, integrity, maintainability",
        (("describe_schema", "tables and references; detail=diagram draws them"),
         ("check_database", "pack=schema: each finding names the object, figures and a fix"),
         ("assess_database", "sizes, relations declared and inferred, orphans")),
    ),
    Expert(
        "performance_specialist", "Performance Specialist", "optimization",
        "query analysis, profiling, caching, tuning", "response time, throughput, resource use, scalability",
        (("explain_query", "full_scan on a big table and rows far from the estimate are where to look"),
         ("advise_indexes", "only indexes that the engine's planner itself takes"),
         ("measure_queries", "work before and after; work does not depend on how busy the machine is")),
    ),
    Expert(
        "data_migration_expert", "Data Migration Expert", "migration, replication, synchronisation",
        "ETL, transformation, replication strategies, planning",
        "integrity, minimal downtime, consistency, rollback",
        (("plan_migration", "the notes say what is emulated or rejected on the target: decide on each"),
         ("verify_data", "equal rows and checksums, or the migration is not done")),
    ),
    Expert(
        "data_governance_specialist", "Data Governance Specialist", "governance, quality, security, compliance",
        "quality management, access control, encryption, compliance frameworks",
        "privacy, regulation, audit trails, classification",
        (("classify_data", "certain and likely columns are masked; confirm the possible ones with a person"),
         ("check_database", "pack=security: critical and high findings first"),
         ("verify_audit_log", "anything but an intact chain is an incident")),
    ),
    Expert(
        "backup_recovery_expert", "Backup & Recovery Expert", "backup, disaster recovery, high availability",
        "automation, point-in-time recovery, failover, testing",
        "RPO/RTO, retention, recovery testing, business continuity",
        (("run_backup", "a backup that was never restored counts for nothing"),
         ("run_drill", "restore time is the measured part of the RTO")),
    ),
)  # fmt: skip
BY_NAME = {expert.name: expert for expert in EXPERTS}
