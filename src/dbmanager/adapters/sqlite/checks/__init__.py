"""Security checks for SQLite, as data."""

from dbmanager.adapters.sqlite.checks.content import CONTENT
from dbmanager.adapters.sqlite.checks.files import FILES
from dbmanager.adapters.sqlite.checks.health import HEALTH
from dbmanager.model.findings import catalogue

CHECKS = catalogue(FILES, CONTENT, HEALTH)
