"""Checks for PostgreSQL, as data: of security and of health."""

from dbmanager.adapters.postgresql.checks.activity import ACTIVITY
from dbmanager.adapters.postgresql.checks.correlation import CORRELATION
from dbmanager.adapters.postgresql.checks.durability import DURABILITY
from dbmanager.adapters.postgresql.checks.memory import MEMORY
from dbmanager.adapters.postgresql.checks.rights import RIGHTS
from dbmanager.adapters.postgresql.checks.settings import SETTINGS
from dbmanager.adapters.postgresql.checks.space import SPACE
from dbmanager.adapters.postgresql.checks.upkeep import UPKEEP
from dbmanager.adapters.postgresql.checks.vacuum import VACUUM
from dbmanager.model.findings import catalogue

CHECKS = catalogue(RIGHTS, SETTINGS, ACTIVITY, VACUUM, SPACE, MEMORY, DURABILITY, UPKEEP, CORRELATION)
