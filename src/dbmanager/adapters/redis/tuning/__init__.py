"""Settings of Redis and Valkey: rules as data, what they are measured by, and how they are changed."""

from dbmanager.adapters.redis.tuning.facet import RedisTuning
from dbmanager.adapters.redis.tuning.rules import RULES

__all__ = ["RULES", "RedisTuning"]
