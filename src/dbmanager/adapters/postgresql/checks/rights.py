"""Checks over roles and their rights."""

from __future__ import annotations

from dbmanager.adapters.postgresql.checks.judges import POSTGRESQL, each_row
from dbmanager.model.findings import Check, QueryCheck, Severity

RIGHTS: tuple[QueryCheck, ...] = (
    Check("PG-010", Severity.HIGH, POSTGRESQL, "Superuser besides the bootstrap role",
          "A superuser passes every check, row security and audit included.", "CIS PostgreSQL 4.3",
          each_row("Take the right away from {object}.", "ALTER ROLE {quoted} NOSUPERUSER", "ALTER ROLE {quoted} SUPERUSER"),
          "SELECT rolname::text AS object, quote_ident(rolname) AS quoted, rolcanlogin AS may_log_in FROM pg_roles "
          "WHERE rolsuper AND oid <> 10"),
    Check("PG-011", Severity.MEDIUM, POSTGRESQL, "Role with administrative attributes",
          "CREATEROLE, CREATEDB, REPLICATION and BYPASSRLS reach far beyond an application's need.", "CIS PostgreSQL 4.3",
          each_row("Take from {object} what it does not need."),
          "SELECT rolname::text AS object, concat_ws(',', CASE WHEN rolcreaterole THEN 'CREATEROLE' END, "
          "CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolreplication THEN 'REPLICATION' END, "
          "CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) AS attributes FROM pg_roles "
          "WHERE NOT rolsuper AND (rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"),
    Check("PG-012", Severity.CRITICAL, POSTGRESQL, "Role with access to the server's files or shell",
          "It can read, write or run anything the server process can.", "CIS PostgreSQL 4.3, 4.9",
          each_row("Revoke the membership.", "REVOKE {granted} FROM {quoted}", "GRANT {granted} TO {quoted}"),
          "SELECT m.rolname::text AS object, quote_ident(m.rolname) AS quoted, r.rolname::text AS granted "
          "FROM pg_auth_members AS a JOIN pg_roles AS r ON r.oid = a.roleid JOIN pg_roles AS m ON m.oid = a.member "
          "WHERE r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')"),
    Check("PG-013", Severity.HIGH, POSTGRESQL, "Everybody may create in a schema",
          "Anyone can plant a function or table that others then use unawares.", "CIS PostgreSQL 4.3; CVE-2018-1058",
          each_row("Revoke it.", "REVOKE CREATE ON SCHEMA {quoted} FROM PUBLIC", "GRANT CREATE ON SCHEMA {quoted} TO PUBLIC"),
          "SELECT n.nspname::text AS object, quote_ident(n.nspname) AS quoted FROM pg_namespace AS n, "
          "aclexplode(n.nspacl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'"),
    Check("PG-014", Severity.HIGH, POSTGRESQL, "Everybody holds rights on a table",
          "A grant to PUBLIC includes every role there will ever be.", "CIS PostgreSQL 4.6",
          each_row("Revoke it and grant to the roles that need it.", "REVOKE ALL ON {object} FROM PUBLIC",
                   "GRANT {rights} ON {object} TO PUBLIC"),
          "SELECT c.oid::regclass::text AS object, string_agg(a.privilege_type, ', ') AS rights FROM pg_class AS c "
          "JOIN pg_namespace AS n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS a WHERE a.grantee = 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
          "GROUP BY c.oid"),
    Check("PG-016", Severity.HIGH, POSTGRESQL, "SECURITY DEFINER function without a fixed search_path",
          "Its caller decides which functions and tables the names inside mean, and it runs with its owner's rights.",
          "PostgreSQL manual, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely",
          each_row("Fix its search_path.", "ALTER FUNCTION {object} SET search_path = pg_catalog, pg_temp",
                   "ALTER FUNCTION {object} RESET search_path"),
          "SELECT p.oid::regprocedure::text AS object, pg_get_userbyid(p.proowner)::text AS owner FROM pg_proc AS p "
          "JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS "
          "(SELECT 1 FROM unnest(coalesce(p.proconfig, '{}')) AS x WHERE x LIKE 'search_path=%')"),
    Check("PG-017", Severity.HIGH, POSTGRESQL, "Superuser's SECURITY DEFINER function open to everybody",
          "Anyone may run its body as superuser.", "CIS PostgreSQL 4.5",
          each_row("Revoke it from PUBLIC.", "REVOKE EXECUTE ON FUNCTION {object} FROM PUBLIC",
                   "GRANT EXECUTE ON FUNCTION {object} TO PUBLIC"),
          "SELECT p.oid::regprocedure::text AS object, r.rolname::text AS owner FROM pg_proc AS p "
          "JOIN pg_roles AS r ON r.oid = p.proowner JOIN pg_namespace AS n ON n.oid = p.pronamespace "
          "WHERE p.prosecdef AND r.rolsuper AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND (p.proacl IS NULL OR EXISTS "
          "(SELECT 1 FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0))"),
    Check("PG-018", Severity.CRITICAL, POSTGRESQL, "Policies that are not enforced",
          "Row security policies exist, but row security is off on the table.", "PostgreSQL manual 5.8",
          each_row("Switch it on.", "ALTER TABLE {object} ENABLE ROW LEVEL SECURITY",
                   "ALTER TABLE {object} DISABLE ROW LEVEL SECURITY"),
          "SELECT c.oid::regclass::text AS object, count(*) AS policies FROM pg_policy AS p "
          "JOIN pg_class AS c ON c.oid = p.polrelid WHERE NOT c.relrowsecurity GROUP BY c.oid"),
    Check("PG-020", Severity.LOW, POSTGRESQL, "Row security without a policy",
          "Nobody but the owner sees any row; often a forgotten half of a change.", "PostgreSQL manual 5.8",
          each_row("Add a policy for {object}, or switch row security off."),
          "SELECT c.oid::regclass::text AS object FROM pg_class AS c WHERE c.relrowsecurity AND NOT EXISTS "
          "(SELECT 1 FROM pg_policy AS p WHERE p.polrelid = c.oid)"),
    Check("PG-023", Severity.HIGH, POSTGRESQL, "Untrusted procedural language",
          "Its functions run arbitrary code as the server's user.", "CIS PostgreSQL 1.2, 4.5",
          each_row("Drop the extension that brought {object}, if nothing needs it."),
          "SELECT lanname::text AS object FROM pg_language WHERE NOT lanpltrusted AND lanname NOT IN ('internal', 'c')"),
    Check("PG-053", Severity.CRITICAL, POSTGRESQL, "File functions granted to others",
          "They read or write the server's files.", "CIS PostgreSQL 4.5",
          each_row("Revoke it.", "REVOKE EXECUTE ON FUNCTION {object} FROM {grantee}",
                   "GRANT EXECUTE ON FUNCTION {object} TO {grantee}"),
          "SELECT p.oid::regprocedure::text AS object, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE "
          "quote_ident(pg_get_userbyid(a.grantee)) END AS grantee FROM pg_proc AS p, aclexplode(p.proacl) AS a "
          "WHERE p.proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'lo_import', 'lo_export') "
          "AND a.grantee <> 10 AND p.pronamespace = 'pg_catalog'::regnamespace "
          "AND (a.grantee = 0 OR pg_get_userbyid(a.grantee) NOT LIKE 'pg\\_%')"),
)  # fmt: skip
