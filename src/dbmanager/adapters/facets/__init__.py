"""What one engine can do, in small facets. A facet's methods take and return the model's types.

An engine that lacks a facet, or one method of it, says so with `Unsupported(reason)`: never an empty list.
"""

from __future__ import annotations

from dbmanager.adapters.facets.adapter import Adapter, Security
from dbmanager.adapters.facets.capability import Progress, Unsupported, need
from dbmanager.adapters.facets.comparing import BagRead, Bench, Comparison
from dbmanager.adapters.facets.emitting import Emission, Emit, Hiding, TypeMapping
from dbmanager.adapters.facets.freezing import Freeze
from dbmanager.adapters.facets.measuring import (
    DependencyCount,
    LargestValue,
    Metered,
    MeteredQuery,
    OrphanCount,
    Planned,
    Planner,
    Statistics,
    WhatIf,
)
from dbmanager.adapters.facets.monitoring import Metrics
from dbmanager.adapters.facets.moving import Backup, Bulk, Chunk
from dbmanager.adapters.facets.observing import WorkloadSource
from dbmanager.adapters.facets.reading import Catalog, LearntCatalog, Provenance, Query
from dbmanager.adapters.facets.scratch import Scratch, ScratchBook, ScratchPlace, scratch_place
from dbmanager.adapters.facets.scripting import BackupScript, BackupScripts
from dbmanager.adapters.facets.tuning import Tuning
from dbmanager.adapters.facets.writing import CapturedRows, ChangeSteps, Execute, ExecutionResult, Statement
from dbmanager.model.queries import Cell, Parameters

__all__ = [
    "Adapter",
    "Backup",
    "BackupScript",
    "BackupScripts",
    "BagRead",
    "Bench",
    "Bulk",
    "CapturedRows",
    "Catalog",
    "Cell",
    "ChangeSteps",
    "Chunk",
    "Comparison",
    "DependencyCount",
    "Emission",
    "Emit",
    "Execute",
    "ExecutionResult",
    "Freeze",
    "Hiding",
    "LargestValue",
    "LearntCatalog",
    "Metered",
    "MeteredQuery",
    "Metrics",
    "OrphanCount",
    "Parameters",
    "Planned",
    "Planner",
    "Progress",
    "Provenance",
    "Query",
    "Scratch",
    "ScratchBook",
    "ScratchPlace",
    "Security",
    "Statement",
    "Statistics",
    "Tuning",
    "TypeMapping",
    "Unsupported",
    "WhatIf",
    "WorkloadSource",
    "need",
    "scratch_place",
]
