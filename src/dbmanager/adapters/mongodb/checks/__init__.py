"""Checks for MongoDB, as data."""

from dbmanager.adapters.mongodb.checks.design import DESIGN
from dbmanager.adapters.mongodb.checks.health import HEALTH
from dbmanager.adapters.mongodb.checks.server import SERVER
from dbmanager.adapters.mongodb.checks.users import USERS
from dbmanager.model.findings import catalogue

CHECKS = catalogue(USERS, SERVER, DESIGN, HEALTH)
