"""The names of the facts that checks judge: the commands that show them, in the engine's own language."""

from __future__ import annotations

USERS = '["ACL", "LIST"]'
CONFIG = '["CONFIG", "GET", "*"]'
INFO = '["INFO"]'
ACL_LOG = '["ACL", "LOG", "128"]'
GROUPS = "the catalog's bounded SCAN with TYPE, PTTL, OBJECT ENCODING and MEMORY USAGE of sampled keys"
CODE = '["MODULE", "LIST"] and ["FUNCTION", "LIST"]'
REPLICATION = '["INFO", "replication"] and ["CONFIG", "GET", "tls-replication"]'
HEALTH = '["INFO"] and ["CONFIG", "GET"] of the limits'
SLOWLOG = '["SLOWLOG", "GET", "128"]'
LATENCY = '["LATENCY", "LATEST"]'
CLUSTER = '["CLUSTER", "INFO"]'
HOT = "a bounded SCAN with OBJECT FREQ of its keys"
REDIS = frozenset({"redis"})
