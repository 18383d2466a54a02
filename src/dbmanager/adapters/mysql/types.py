"""MySQL types as engine-neutral types."""

from __future__ import annotations

import re
from functools import lru_cache

from dbmanager.model.schema import DataType, TypeKind

_INTEGERS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXTS = frozenset(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"))
_BYTES = frozenset(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"))
_UNLIMITED = frozenset(("longtext", "longblob", "text", "blob", "mediumtext", "mediumblob", "tinytext", "tinyblob"))
SPATIAL = frozenset(
    "geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection geomcollection".split()
)
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_ESCAPED = re.compile(r"''|\\(.)", re.DOTALL)


@lru_cache(maxsize=2_000)
def data_type(
    data_type: str, native: str, length: int | None, precision: int | None, scale: int | None, is_json: bool
) -> DataType:
    """Return the type of one column as information_schema describes it; `is_json` where only a check makes it JSON."""
    name = data_type.lower()
    if is_json or name == "json":
        return DataType(TypeKind.JSON, "json")
    if name == "tinyint" and native.startswith("tinyint(1)") and "unsigned" not in native:
        return DataType(TypeKind.BOOLEAN, native)
    if name in _INTEGERS:
        return DataType(TypeKind.INTEGER, native, bits=_INTEGERS[name], unsigned="unsigned" in native)
    if name == "year":
        return DataType(TypeKind.INTEGER, native, bits=16)
    if name == "bit":
        return DataType(TypeKind.INTEGER, native, bits=64, precision=precision, unsigned=precision == 64)
    if name == "decimal":
        return DataType(TypeKind.DECIMAL, native, precision=precision, scale=scale)
    if name in ("float", "double"):
        return DataType(TypeKind.FLOAT, native, bits=32 if name == "float" else 64)
    if name in _TEXTS:
        return DataType(TypeKind.TEXT, native, length=None if name in _UNLIMITED else length)
    if name in _BYTES:
        return DataType(TypeKind.BINARY, native, length=None if name in _UNLIMITED else length)
    if name in ("datetime", "timestamp"):
        return DataType(TypeKind.TIMESTAMP, native, with_time_zone=name == "timestamp")
    if name == "enum":
        labels = tuple(_ESCAPED.sub(_unescaped, label) for label in _LABEL.findall(native))
        return DataType(TypeKind.ENUM, native, enum_values=labels)
    plain = {"date": TypeKind.DATE, "time": TypeKind.TIME, "uuid": TypeKind.UUID, "inet4": TypeKind.NETWORK,
             "inet6": TypeKind.NETWORK, "set": TypeKind.TEXT}  # fmt: skip
    if name == "time":
        return DataType(TypeKind.TIME, native, with_time_zone=False)
    return DataType(plain.get(name, TypeKind.OTHER), native)


def _unescaped(match: re.Match[str]) -> str:
    return "'" if match[1] is None else {"n": "\n", "r": "\r", "0": "\0"}.get(match[1], match[1])


def is_spatial(type_: DataType) -> bool:
    """Whether values are geometries, carried as the server's own bytes."""
    return type_.native.split("(")[0].split()[0].lower() in SPATIAL if type_.native else False
