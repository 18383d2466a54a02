"""Checks of health over what was left half done: restarts, collations, extensions, constraints."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, flagged
from dbmanager.adapters.postgresql.checks.versions import KNOWN_ON, late
from dbmanager.model.findings import Check, QueryCheck, Severity

UPKEEP: tuple[QueryCheck, ...] = (
    Check("PG-229", Severity.LOW, POSTGRESQL, "Setting that waits for a restart",
          "The file says one thing and the server does another until somebody restarts it unawares.",
          "PostgreSQL manual 54.24, pg_settings, pending_restart", flagged("Restart in a quiet hour, or take the setting back."),
          "SELECT name AS object, setting AS in_force, sourcefile IS NOT NULL AS from_file FROM pg_settings WHERE pending_restart",
          pack="health", threshold="pending_restart is true.", caveat="the restart may be planned already."),
    Check("PG-230", Severity.HIGH, POSTGRESQL, "Collation is of another version than its indexes",
          "The order of texts has changed under the indexes: look-ups miss rows, unique ones let duplicates in.",
          "PostgreSQL manual, ALTER COLLATION, Notes",
          flagged("Reindex what depends on it, then ALTER COLLATION ... REFRESH VERSION."),
          "SELECT format('%s.%s', n.nspname, c.collname) AS object, c.collversion AS was, "
          "pg_collation_actual_version(c.oid) AS is_now, (SELECT count(*) FROM pg_depend AS d WHERE d.refclassid = 'pg_collation'::regclass "
          "AND d.refobjid = c.oid) AS dependents FROM pg_collation AS c JOIN pg_namespace AS n ON n.oid = c.collnamespace "
          "WHERE c.collprovider <> 'd' AND c.collversion <> pg_collation_actual_version(c.oid) LIMIT 20",
          pack="health", threshold="the version noted and the library's differ.",
          caveat="indexes that were rebuilt without refreshing the version are sound."),
    Check("PG-231", Severity.LOW, POSTGRESQL, "Extension is older than its files",
          "The server runs the new library with the old SQL of the extension.", "PostgreSQL manual, ALTER EXTENSION",
          flagged("Update it; some updates can't be taken back.", "ALTER EXTENSION {quoted} UPDATE"),
          "SELECT e.extname::text AS object, quote_ident(e.extname) AS quoted, e.extversion AS installed, a.default_version AS available "
          "FROM pg_extension AS e JOIN pg_available_extensions AS a ON a.name = e.extname WHERE e.extversion <> a.default_version",
          pack="health", threshold="the installed version is not the default one.",
          caveat="it may be held back on purpose."),
    Check("PG-235", Severity.LOW, POSTGRESQL, "Server is older than its newest minor version",
          "Minor versions mend damage, crashes and holes, and change nothing else.",
          f"postgresql.org/support/versioning, as of {KNOWN_ON}", late,
          "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version, "
          "current_date::text AS today",
          pack="health", threshold=f"a newer minor version was known on {KNOWN_ON}; medium from 4 behind, high once the major has ended.",
          caveat=f"the table of versions is of {KNOWN_ON}: there may be newer ones; a provider may have mended an older one."),
)  # fmt: skip
