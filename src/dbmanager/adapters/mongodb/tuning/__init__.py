"""Settings of MongoDB: rules as data, what they are measured by, and how they are changed."""

from dbmanager.adapters.mongodb.tuning.facet import MongoTuning
from dbmanager.adapters.mongodb.tuning.rules import RULES

__all__ = ["RULES", "MongoTuning"]
