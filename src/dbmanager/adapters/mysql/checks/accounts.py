"""Checks over accounts and their rights. Grants come from information_schema, which every server has."""

from __future__ import annotations

from dbmanager.adapters.mysql.checks.judges import MYSQL, each_row
from dbmanager.model.findings import Check, QueryCheck, Severity

_ACCOUNT = "CONCAT(QUOTE(u.User), '@', QUOTE(u.Host))"
_INTERNAL = "('mariadb.sys', 'mysql.sys', 'mysql.session', 'mysql.infoschema')"
_LOGIN = "CONCAT_WS('@', u.User, u.Host)"


def _granted(privilege: str) -> str:
    return (
        "SELECT p.GRANTEE AS object, p.GRANTEE AS account, p.IS_GRANTABLE AS grantable "  # noqa: S608 - constants
        f"FROM information_schema.USER_PRIVILEGES AS p WHERE p.PRIVILEGE_TYPE = '{privilege}' "
        "AND p.GRANTEE NOT LIKE '''root''@%' AND p.GRANTEE NOT LIKE '''mysql.%' AND p.GRANTEE NOT LIKE '''mariadb.sys''%'"
    )


def _revoked(privilege: str) -> tuple[str, str]:
    return f"REVOKE {privilege} ON *.* FROM {{account}}", f"GRANT {privilege} ON *.* TO {{account}}"


ACCOUNTS: tuple[QueryCheck, ...] = (
    Check("MY-001", Severity.CRITICAL, MYSQL, "Anonymous account",
          "Anybody logs in as it from its host, with whatever it may do.", "CIS MySQL 7.7; CIS MariaDB 7.6",
          each_row("Drop it.", "DROP USER {account}", "CREATE USER {account}"),
          f"SELECT CONCAT('anonymous@', u.Host) AS object, {_ACCOUNT} AS account FROM mysql.user AS u WHERE u.User = '' "  # noqa: S608
          "AND u.Host <> ''"),
    Check("MY-002", Severity.CRITICAL, MYSQL, "Account without a password",
          "Whoever knows its name is in.", "CIS MySQL 7.3; CIS MariaDB 7.3",
          each_row("Set a password for {object}, or lock it: ALTER USER {account} ACCOUNT LOCK."),
          f"SELECT {_LOGIN} AS object, {_ACCOUNT} AS account, u.plugin AS plugin FROM mysql.user AS u "  # noqa: S608
          f"WHERE u.authentication_string = '' AND u.User NOT IN ('', {_INTERNAL[1:]} AND u.Host <> '' "
          "AND u.plugin IN ('', 'mysql_native_password', 'caching_sha2_password', 'sha256_password', 'ed25519')"),
    Check("MY-003", Severity.HIGH, MYSQL, "Account usable from every host",
          "A leaked password then works from anywhere that reaches the port.", "CIS MySQL 7.6; CIS MariaDB 7.5",
          each_row("Narrow its host to the network of its application: RENAME USER {account} TO ..."),
          f"SELECT {_LOGIN} AS object, {_ACCOUNT} AS account FROM mysql.user AS u WHERE u.Host IN ('%', '::', '0.0.0.0') "  # noqa: S608
          f"AND u.User NOT IN {_INTERNAL}"),
    Check("MY-004", Severity.HIGH, MYSQL, "Weak authentication plugin",
          "A SHA-1 verifier without salt is broken in hours when the table leaks; the old one at once.",
          "CIS MySQL 7.1; CIS MariaDB 7.1",
          each_row("Give {object} caching_sha2_password (MySQL) or ed25519 (MariaDB) and a new password."),
          f"SELECT {_LOGIN} AS object, u.plugin AS plugin FROM mysql.user AS u "  # noqa: S608 - constants
          "WHERE u.plugin IN ('mysql_old_password', 'mysql_native_password') AND u.User NOT IN "
          f"('', {_INTERNAL[1:]} AND u.authentication_string NOT IN ('', 'invalid')"),
    Check("MY-006", Severity.CRITICAL, MYSQL, "SUPER besides root",
          "It passes read_only, kills any session and changes any setting.", "CIS MySQL 5.4; CIS MariaDB 5.4",
          each_row("Revoke it; grant the dynamic privilege that is really needed.", *_revoked("SUPER")), _granted("SUPER")),
    Check("MY-007", Severity.CRITICAL, MYSQL, "FILE besides root",
          "It reads and writes files with the server's rights: keys, other databases, web folders.",
          "CIS MySQL 5.2; CIS MariaDB 5.2", each_row("Revoke it.", *_revoked("FILE")), _granted("FILE")),
    Check("MY-008", Severity.HIGH, MYSQL, "PROCESS besides root",
          "It shows the statements of all sessions, with the values in them.", "CIS MySQL 5.3; CIS MariaDB 5.3",
          each_row("Revoke it.", *_revoked("PROCESS")), _granted("PROCESS")),
    Check("MY-009", Severity.HIGH, MYSQL, "SHUTDOWN besides root",
          "One statement ends the service.", "CIS MySQL 5.5; CIS MariaDB 5.5",
          each_row("Revoke it.", *_revoked("SHUTDOWN")), _granted("SHUTDOWN")),
    Check("MY-010", Severity.CRITICAL, MYSQL, "CREATE USER besides root",
          "It makes and changes accounts, so it can take over any of them.", "CIS MySQL 5.6; CIS MariaDB 5.6",
          each_row("Revoke it.", *_revoked("CREATE USER")), _granted("CREATE USER")),
    Check("MY-048", Severity.HIGH, MYSQL, "Account that may pass on its rights",
          "GRANT OPTION spreads rights past whoever watches over them.", "CIS MySQL 5.7; CIS MariaDB 5.7",
          each_row("Revoke it.", "REVOKE GRANT OPTION ON {on}.* FROM {account}",
                   "GRANT USAGE ON {on}.* TO {account} WITH GRANT OPTION"),
          "SELECT CONCAT(p.GRANTEE, ' on ', p.TABLE_SCHEMA) AS object, p.GRANTEE AS account, "
          "CONCAT('`', p.TABLE_SCHEMA, '`') AS `on` FROM information_schema.SCHEMA_PRIVILEGES AS p "
          "WHERE p.IS_GRANTABLE = 'YES' GROUP BY p.GRANTEE, p.TABLE_SCHEMA"),
    Check("MY-049", Severity.HIGH, MYSQL, "Rights on the server's own tables",
          "Whoever reads mysql.* has the password verifiers, whoever writes it the server.",
          "CIS MySQL 5.1; CIS MariaDB 5.1",
          each_row("Revoke them.", "REVOKE {rights} ON `mysql`.* FROM {account}", "GRANT {rights} ON `mysql`.* TO {account}"),
          "SELECT p.GRANTEE AS object, p.GRANTEE AS account, GROUP_CONCAT(p.PRIVILEGE_TYPE) AS rights "
          "FROM information_schema.SCHEMA_PRIVILEGES AS p WHERE p.TABLE_SCHEMA = 'mysql' GROUP BY p.GRANTEE"),
)  # fmt: skip
