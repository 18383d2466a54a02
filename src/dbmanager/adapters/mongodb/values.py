"""BSON values: as cells of a result, as Extended JSON text, and what kind of value each is."""

from __future__ import annotations

import datetime as dt
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any

from bson import json_util
from bson.binary import UUID_SUBTYPE, Binary
from bson.code import Code
from bson.codec_options import DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.dbref import DBRef
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.json_util import JSONMode, JSONOptions
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp

from dbmanager.errors import UnsupportedCapability
from dbmanager.model.queries import Cell

CANONICAL = JSONOptions(json_mode=JSONMode.CANONICAL, datetime_conversion=DatetimeConversion.DATETIME_MS, tz_aware=True)
RELAXED = JSONOptions(json_mode=JSONMode.RELAXED, datetime_conversion=DatetimeConversion.DATETIME_MS, tz_aware=True)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def cell(value: object) -> Cell:
    """Return a BSON value as a cell: JSON-safe, canonical, nothing lost but the distinction of like types."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): cell(item) for key, item in value.items()}
        case list() | tuple():
            return [cell(item) for item in value]
        case ObjectId() | Decimal128():
            return str(value)
        case DatetimeMS():
            return _moment(int(value))
        case dt.datetime():
            return _moment(round((value - _EPOCH).total_seconds() * 1000))
        case uuid.UUID():
            return str(value)
        case bytes():
            is_uuid = getattr(value, "subtype", 0) == UUID_SUBTYPE and len(value) == 16
            return str(uuid.UUID(bytes=bytes(value))) if is_uuid else "\\x" + bytes(value).hex()
        case _:
            return json.loads(json_util.dumps(value, json_options=RELAXED))  # type: ignore[no-any-return]


def _moment(milliseconds: int) -> Cell:
    """Return a date as text; one beyond the years 1 to 9999 as its milliseconds."""
    try:
        return (_EPOCH + dt.timedelta(milliseconds=milliseconds)).isoformat(sep=" ")
    except OverflowError:
        return {"$date": milliseconds}


def text_of(document: Any) -> str:
    """Return canonical Extended JSON: what `document_of` reads back without any loss, fields in their order."""
    return json_util.dumps(document, json_options=CANONICAL, ensure_ascii=False, separators=(",", ":"))


def exact_text(document: Any) -> str:
    """Return what `text_of` does, for a document that must come back as it was.

    Raises: UnsupportedCapability when a field's name begins with `$`: Extended JSON could take it for its own mark.
    """
    stack = [document]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            if any(name.startswith("$") for name in item):
                raise UnsupportedCapability(
                    "a document has a field whose name begins with $, which can't be kept exactly",
                    hint="Rename the field; nothing was changed.",
                )
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return text_of(document)


def short_text(document: Any) -> str:
    """Return relaxed Extended JSON, the shorter form that people read and write."""
    return json_util.dumps(document, json_options=RELAXED, ensure_ascii=False)


def document_of(text: str) -> Any:
    """Return the value of an Extended JSON text."""
    return json_util.loads(text, json_options=CANONICAL)


_WORDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "bool"), (Int64, "long"), (int, "int"), (float, "double"), (str, "string"), (ObjectId, "objectId"),
    (Decimal128, "decimal"), ((DatetimeMS, dt.datetime), "date"), (Regex, "regex"), (Timestamp, "timestamp"),
    (Code, "javascript"), (MinKey, "minKey"), (MaxKey, "maxKey"), (DBRef, "dbPointer"), ((Binary, bytes, uuid.UUID), "binData"),
    (Mapping, "object"), ((list, tuple), "array"),
)  # fmt: skip


def type_word(value: object) -> str:
    """Return what MongoDB's `$type` calls a value's type."""
    if value is None:
        return "null"
    if isinstance(value, Binary) and value.subtype == UUID_SUBTYPE:
        return "uuid"
    return next((word for kind, word in _WORDS if isinstance(value, kind)), "unknown")
