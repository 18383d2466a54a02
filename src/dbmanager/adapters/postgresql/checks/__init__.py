"""Security checks for PostgreSQL, as data."""

from dbmanager.adapters.postgresql.checks.rights import RIGHTS
from dbmanager.adapters.postgresql.checks.settings import SETTINGS
from dbmanager.model.findings import catalogue

CHECKS = catalogue(RIGHTS, SETTINGS)
