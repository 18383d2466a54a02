"""Checks for MySQL and MariaDB, as data: of security and of health."""

from dbmanager.adapters.mysql.checks.accounts import ACCOUNTS
from dbmanager.adapters.mysql.checks.activity import ACTIVITY
from dbmanager.adapters.mysql.checks.memory import MEMORY
from dbmanager.adapters.mysql.checks.settings import SETTINGS
from dbmanager.adapters.mysql.checks.storage import STORAGE
from dbmanager.model.findings import catalogue

CHECKS = catalogue(ACCOUNTS, SETTINGS, ACTIVITY, MEMORY, STORAGE)
NEEDS: dict[str, str] = {}
"""Capabilities that single checks need, by id."""
