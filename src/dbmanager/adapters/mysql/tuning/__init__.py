"""Settings of MySQL and MariaDB: rules as data, what they are measured by, and how they are changed."""

from dbmanager.adapters.mysql.tuning.facet import MysqlTuning
from dbmanager.adapters.mysql.tuning.rules import RULES

__all__ = ["RULES", "MysqlTuning"]
