"""Checks over the design: fields as sampled, validators and indexes as declared."""

from __future__ import annotations

from dbmanager.adapters.mongodb.checks.judges import MONGODB, each_row
from dbmanager.model.findings import Check, QueryCheck, Severity


def _design(
    id_: str, severity: Severity, title: str, why: str, source: str, advice: str, fact: str, *, fix: bool = False
) -> QueryCheck:
    judge = each_row(advice, "{statement}", "{inverse}") if fix else each_row(advice)
    return Check(id_, severity, MONGODB, title, why, source, judge, f"facts:{fact}", pack="schema")


_PATTERNS = "MongoDB manual, Data Modeling"
DESIGN: tuple[QueryCheck, ...] = (
    _design("MG-024", Severity.LOW, "Collection without a validator",
            "Whatever a client sends is kept, misspelt fields and wrong types included.",
            "MongoDB manual, Schema Validation", "Declare a validator with $jsonSchema.", "unvalidated"),
    _design("MG-025", Severity.LOW, "The validator only warns",
            "Documents that break it are kept all the same.", "MongoDB manual, Schema Validation",
            "Set validationAction: error once the documents keep it.", "warning_validators", fix=True),
    _design("MG-040", Severity.MEDIUM, "A field has values of different types",
            "Comparisons and sorts never cross types, so queries miss documents.", _PATTERNS,
            "Convert the values to one type.", "mixed_types"),
    _design("MG-041", Severity.MEDIUM, "An array grows without bound",
            "Every update rewrites the whole document, up to its limit of 16 MB.",
            "MongoDB manual, Avoid Unbounded Arrays", "Keep the items in a collection of their own.", "long_arrays"),
    _design("MG-042", Severity.HIGH, "A reference without an index",
            "Each $lookup and each search by it reads the whole collection.", "MongoDB manual, $lookup",
            "Make an index on it.", "unindexed_references", fix=True),
    _design("MG-043", Severity.LOW, "An index that another one begins with",
            "It costs every write and serves no query that the longer one doesn't.",
            "MongoDB manual, Remove Unnecessary Indexes", "Drop it.", "redundant_indexes", fix=True),
    _design("MG-044", Severity.MEDIUM, "Numbers kept as strings",
            "'10' sorts before '9', and sums are not possible.", _PATTERNS, "Convert them to numbers.", "text_numbers"),
    _design("MG-045", Severity.MEDIUM, "Dates kept as strings",
            "Ranges and date expressions need dates; other spellings sort wrongly.", _PATTERNS,
            "Convert them to dates.", "text_dates"),
)  # fmt: skip
