"""Checks for Redis and Valkey, as data.

RD-012, a server that runs as root, is not among them: nothing in the protocol tells the server's user.
"""

from dbmanager.adapters.redis.checks.access import ACCESS
from dbmanager.adapters.redis.checks.health import HEALTH_CHECKS
from dbmanager.adapters.redis.checks.keys import KEYS
from dbmanager.adapters.redis.checks.settings import SETTINGS
from dbmanager.model.findings import catalogue

CHECKS = catalogue(ACCESS, SETTINGS, KEYS, HEALTH_CHECKS)
