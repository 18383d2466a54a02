"""Checks over server settings."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, each_row
from dbmanager.model.findings import Check, QueryCheck, Severity

SETTINGS: tuple[QueryCheck, ...] = (
    Check("PG-006", Severity.HIGH, POSTGRESQL, "Passwords are not kept as SCRAM",
          "An md5 verifier is as good as the password to whoever reads it.", "CIS PostgreSQL 5.4",
          each_row("Use SCRAM and set the passwords anew.", "ALTER SYSTEM SET password_encryption = 'scram-sha-256'",
                   "ALTER SYSTEM SET password_encryption = '{value}'"),
          "SELECT name AS object, setting AS value FROM pg_settings WHERE name = 'password_encryption' "
          "AND setting <> 'scram-sha-256'"),
    Check("PG-027", Severity.HIGH, POSTGRESQL, "TLS is off",
          "Passwords and rows cross the network in clear.", "CIS PostgreSQL 6.8",
          each_row("Install a certificate and switch ssl on."),
          "SELECT name AS object, setting AS value FROM pg_settings WHERE name = 'ssl' AND setting = 'off'"),
    Check("PG-032", Severity.MEDIUM, POSTGRESQL, "Connections are not logged",
          "Nobody can tell afterwards who was connected.", "CIS PostgreSQL 3.1.20",
          each_row("Log them.", "ALTER SYSTEM SET log_connections = on", "ALTER SYSTEM RESET log_connections"),
          "SELECT name AS object, setting AS value FROM pg_settings WHERE name = 'log_connections' "
          "AND setting IN ('off', '')"),
    Check("PG-040", Severity.MEDIUM, POSTGRESQL, "pgAudit is not loaded",
          "The server's own log can't tell which objects a session read.", "CIS PostgreSQL 3.2",
          each_row("Add pgaudit to shared_preload_libraries and restart."),
          "SELECT name AS object, setting AS value FROM pg_settings WHERE name = 'shared_preload_libraries' "
          "AND setting !~ 'pgaudit'"),
)  # fmt: skip
