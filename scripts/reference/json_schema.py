"""JSON schema in words: one row per field, nested models and lists included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
_LIMITS = {"minimum": "at least {}", "exclusiveMinimum": "above {}", "maximum": "at most {}", "minLength": "{} characters or more",
           "minItems": "{} or more", "maxItems": "at most {}"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field: its dotted path, type in words, default as written in JSON (empty when required), description."""

    path: str
    type: str
    required: bool
    default: str
    description: str


def fields(schema: Schema) -> list[FieldRow]:
    """Return the fields of an object schema, each followed by the fields inside it.

    Lists add `[]` to the path and maps add `.NAME`.
    """
    return list(_rows(schema, schema.get("$defs", {}), ""))


def _rows(schema: Schema, definitions: Schema, prefix: str) -> Iterator[FieldRow]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        default = json.dumps(field["default"], ensure_ascii=False) if "default" in field else ""
        path = f"{prefix}{name}"
        inner, suffix = _inside(field, definitions)
        yield FieldRow(path, words(field, definitions), name in required, default, _description(field, definitions))
        if inner is not None:
            yield from _rows(inner, definitions, f"{path}{suffix}.")


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return {**definitions[name], **schema} if name else schema


def _description(field: Schema, definitions: Schema) -> str:
    return str(field.get("description") or _resolved(field, definitions).get("description", ""))


def _inside(field: Schema, definitions: Schema) -> tuple[Schema | None, str]:
    """Return the object schema inside a field, and what the way to it adds to the path."""
    found = _resolved(field, definitions)
    for choice in found.get("anyOf", ()):
        inner, suffix = _inside(choice, definitions)
        if inner is not None:
            return inner, suffix
    if isinstance(found.get("items"), Mapping):
        inner, suffix = _inside(found["items"], definitions)
        return inner, f"[]{suffix}"
    if isinstance(found.get("additionalProperties"), Mapping):
        inner, suffix = _inside(found["additionalProperties"], definitions)
        return inner, f".NAME{suffix}"
    return (found, "") if "properties" in found else (None, "")


def words(schema: Schema, definitions: Schema) -> str:
    """Return a type in words: `integer, at least 1`, `list of text`, `"a" or "b"`."""
    found = _resolved(schema, definitions)
    if "anyOf" in found:
        choices = [words(choice, definitions) for choice in found["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(choices))
    if "enum" in found:
        return " or ".join(f"`{choice}`" for choice in found["enum"])
    if "const" in found:
        return f"`{found['const']}`"
    limits = [text.format(found[key]) for key, text in _LIMITS.items() if key in found]
    return ", ".join([_noun(found, definitions), *limits])


def _noun(found: Schema, definitions: Schema) -> str:
    kind = found.get("type")
    if kind == "array":
        items = found.get("items")
        return f"list of {words(items, definitions)}" if items else "list"
    if kind == "object":
        return "table by name" if isinstance(found.get("additionalProperties"), Mapping) else "table"
    if found.get("format") == "path":
        return "path"
    return {"string": "text", "boolean": "true or false", None: "anything"}.get(kind, str(kind))
