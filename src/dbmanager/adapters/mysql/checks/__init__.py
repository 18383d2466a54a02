"""Security checks for MySQL and MariaDB, as data."""

from dbmanager.adapters.mysql.checks.accounts import ACCOUNTS
from dbmanager.adapters.mysql.checks.settings import SETTINGS
from dbmanager.model.findings import catalogue

CHECKS = catalogue(ACCOUNTS, SETTINGS)
NEEDS: dict[str, str] = {}
"""Capabilities that single checks need, by id."""
