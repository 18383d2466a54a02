"""Checks over the files of a database."""

from __future__ import annotations

from collections.abc import Iterator

from dbmanager.model.findings import Check, FactRows, Fix, Problem, QueryCheck, Severity

SQLITE = frozenset({"sqlite"})


def _mode(value: object) -> str:
    return f"{int(str(value)):o}"


def _open_to_others(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["role"] == "database" and int(str(row["mode"])) & 0o077:
            yield Problem(str(row["file"]), {"mode": _mode(row["mode"])}, fix=Fix(f"chmod 600 {row['file']}"))


def _sidecars_open(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["role"] != "database" and int(str(row["mode"])) & 0o077:
            yield Problem(str(row["file"]), {"mode": _mode(row["mode"])}, fix=Fix(f"chmod 600 {row['file']}"))


def _hot_journal(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["role"] == "-journal" and int(str(row["size_bytes"])) > 0:
            yield Problem(
                str(row["file"]), {"size_bytes": row["size_bytes"]},
                fix=Fix("Keep both files together and open the database once for writing, so that SQLite rolls back."),
            )  # fmt: skip


def _folder_open(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if int(str(row["mode"])) & 0o022 and not row["sticky"]:
            yield Problem(str(row["folder"]), {"mode": _mode(row["mode"])}, fix=Fix("chmod go-w on the folder"))


def _in_web_folder(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        if row["web_folder"]:
            yield Problem(
                str(row["folder"]),
                {"served_from": row["web_folder"]},
                fix=Fix("Move the file out of the served folder."),
            )


def _copies_beside(facts: FactRows) -> Iterator[Problem]:
    for row in facts:
        yield Problem(
            str(row["file"]), {"size_bytes": row["size_bytes"], "mode": _mode(row["mode"])},
            fix=Fix("Move it to guarded backup storage, or delete it."),
        )  # fmt: skip


FILES: tuple[QueryCheck, ...] = (
    Check("SQ-001", Severity.HIGH, SQLITE, "Database file open to other users",
          "SQLite has no logins: who may read the file may read every row.",
          "SQLite documentation, Appropriate Uses; POSIX file modes", _open_to_others, "facts:files"),
    Check("SQ-002", Severity.HIGH, SQLITE, "Folder writable by other users",
          "Who may write the folder may replace the file or plant a journal that rolls it back to forged pages.",
          "SQLite documentation, How To Corrupt, 1.4", _folder_open, "facts:folder"),
    Check("SQ-016", Severity.MEDIUM, SQLITE, "Journal or WAL file open to other users",
          "They hold rows of recent transactions.",
          "SQLite documentation, Temporary Files", _sidecars_open, "facts:files"),
    Check("SQ-017", Severity.MEDIUM, SQLITE, "Journal left behind by a crash",
          "A transaction was cut off; the file alone, without this journal, is inconsistent.",
          "SQLite documentation, Atomic Commit, 4.2", _hot_journal, "facts:files"),
    Check("SQ-022", Severity.MEDIUM, SQLITE, "Copies of the database beside it",
          "A forgotten copy holds the same personal data without the same care.",
          "GDPR Art. 5(1)(e); CIS Controls 3.4", _copies_beside, "facts:copies"),
    Check("SQ-023", Severity.HIGH, SQLITE, "Database inside a served folder",
          "A web server hands the whole file to whoever asks for its name.",
          "OWASP ASVS 12.5", _in_web_folder, "facts:folder"),
)  # fmt: skip
