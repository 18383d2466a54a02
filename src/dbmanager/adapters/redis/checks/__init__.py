"""Checks for Redis and Valkey, as data."""

from dbmanager.adapters.redis.checks.access import ACCESS
from dbmanager.adapters.redis.checks.keys import KEYS
from dbmanager.adapters.redis.checks.settings import SETTINGS
from dbmanager.model.findings import catalogue

CHECKS = catalogue(ACCESS, SETTINGS, KEYS)
