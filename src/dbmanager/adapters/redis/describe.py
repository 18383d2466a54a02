"""Groups of keys as tables: what was seen of them, the columns they have, rows to judge by."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dbmanager.adapters.redis.groups import looks_variable
from dbmanager.adapters.redis.shapes import cell
from dbmanager.model.commands import to_text
from dbmanager.model.keys import FIELD, KEY, SCORE, TTL, TYPE, VALUE, KeyPatterns, field_column, json_column
from dbmanager.model.queries import Cell, Row
from dbmanager.model.schema import Column, DataType, PrimaryKey, Table, TypeKind

FIELD_SHARE = 0.2
MAX_FIELDS = 100


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One sampled key; `content` is the beginning of what it holds, as the driver gave it."""

    key: bytes
    type: str
    ttl_ms: int | None
    encoding: str
    size_bytes: int | None
    length: int | None
    content: Any


@dataclass(frozen=True, slots=True)
class Group:
    """Keys of one pattern: how many were seen, how many there are by estimate, and the sampled ones."""

    pattern: str
    keys_seen: int
    keys_estimated: int
    sampled: tuple[KeyFacts, ...]
    share: float

    def fields(self) -> tuple[str, ...]:
        """Return the hash fields that are columns: those several keys share and that look like names."""
        counted: Counter[str] = Counter()
        hashes = [facts for facts in self.sampled if facts.type == "hash"]
        for facts in hashes:
            counted.update(to_text(name) for name in (facts.content or ())[::2])
        least = max(2, FIELD_SHARE * len(hashes))
        kept = [name for name, count in counted.items() if count >= least and not looks_variable(name)]
        return tuple(sorted(kept)[:MAX_FIELDS])

    def has_other_fields(self) -> bool:
        """Whether a sampled hash holds a field that is no column."""
        known = set(self.fields())
        return any(
            to_text(name) not in known
            for facts in self.sampled
            if facts.type == "hash"
            for name in (facts.content or ())[::2]
        )

    def members(self) -> tuple[str, ...]:
        """Return the top-level members of strings that hold JSON objects."""
        counted: Counter[str] = Counter()
        objects = 0
        for facts in self.sampled:
            if facts.type == "string" and isinstance(found := _json(facts.content), dict):
                objects += 1
                counted.update(list(found))
        least = max(2 if objects > 1 else 1, FIELD_SHARE * objects)
        return tuple(sorted(n for n, count in counted.items() if count >= least and not looks_variable(n))[:MAX_FIELDS])

    def types(self) -> Counter[str]:
        """Return how many sampled keys are of each type."""
        return Counter(facts.type for facts in self.sampled)

    def memory_bytes(self) -> int | None:
        """Return the memory of all keys of the group, by the sampled ones' average."""
        sizes = [facts.size_bytes for facts in self.sampled if facts.size_bytes is not None]
        return round(sum(sizes) / len(sizes) * self.keys_estimated) if sizes else None


def table_of(group: Group, patterns: KeyPatterns) -> Table:
    """Return the group as a table; its facts stand in the comment, and one by one in the options."""
    types = group.types()
    columns = [_column(KEY), _column(TYPE), Column(TTL, DataType(TypeKind.INTEGER, "seconds", bits=64))]
    columns += [_column(field_column(name)) for name in group.fields()]
    if group.has_other_fields():
        columns.append(_column(FIELD))
    if set(types) - {"hash"} or group.has_other_fields() or not types:
        columns.append(_column(VALUE))
    if types["zset"]:
        columns.append(Column(SCORE, DataType(TypeKind.FLOAT, "double", bits=64)))
    columns += [_column(json_column(name)) for name in group.members()]
    return Table(
        name=group.pattern, schema=None, columns=tuple(columns), primary_key=PrimaryKey((KEY,)),
        row_estimate=group.keys_estimated, comment=_comment(group, types), options=tuple(_options(group, types)),
    )  # fmt: skip


def _column(name: str) -> Column:
    return Column(name, DataType(TypeKind.TEXT, "bytes"), nullable=name not in (KEY, TYPE))


def _comment(group: Group, types: Counter[str]) -> str:
    count = f"{group.keys_estimated:,} keys" + (
        "" if group.share == 1.0 else f" (estimate from {group.share:.1%} of all keys)"
    )
    kinds = ", ".join(f"{kind} {number}/{len(group.sampled)}" for kind, number in types.most_common())
    lasting = [facts.ttl_ms for facts in group.sampled if facts.ttl_ms is not None]
    ttl = f"TTL on {len(lasting)}/{len(group.sampled)} sampled"
    if lasting:
        ttl += f" ({min(lasting) // 1000}-{max(lasting) // 1000} s)"
    return f"{count}; {kinds or 'none sampled'}; {ttl}"


def _options(group: Group, types: Counter[str]) -> Iterator[str]:
    for kind, number in sorted(types.items()):
        yield f"type:{kind}={number}"
    for encoding, number in sorted(Counter(facts.encoding for facts in group.sampled if facts.encoding).items()):
        yield f"encoding:{encoding}={number}"
    sizes = sorted(facts.size_bytes for facts in group.sampled if facts.size_bytes is not None)
    if sizes:
        yield f"bytes:median={sizes[len(sizes) // 2]}"
        yield f"bytes:largest={sizes[-1]}"
    lengths = [facts.length for facts in group.sampled if facts.length is not None and facts.type != "string"]
    if lengths:
        yield f"elements:largest={max(lengths)}"


def sample_rows(table: Table, facts: KeyFacts, patterns: KeyPatterns) -> Iterator[Row]:
    """Yield rows of one key for judging; `key` holds only the parts that the pattern leaves open."""
    text = to_text(facts.key)
    base: dict[str, Cell] = {
        KEY: patterns.variable_parts(text, table.name), TYPE: facts.type,
        TTL: facts.ttl_ms // 1000 if facts.ttl_ms is not None else None,
    }  # fmt: skip
    names = [column.name for column in table.columns]
    for extra in _contents(facts, set(names)):
        yield tuple((base | extra).get(name) for name in names)


def _contents(facts: KeyFacts, names: set[str]) -> Iterable[dict[str, Cell]]:
    content = facts.content
    if content is None:
        return [{}]
    if facts.type == "hash":
        pairs = [(to_text(a), cell(b)) for a, b in zip(content[::2], content[1::2], strict=False)]
        known = {field_column(a): b for a, b in pairs if field_column(a) in names}
        others: list[dict[str, Cell]] = [{FIELD: a, VALUE: b} for a, b in pairs if field_column(a) not in names]
        return [known | (others[0] if others else {}), *others[1:]]
    if facts.type == "string":
        found = _json(content)
        inside = {json_column(str(n)): _flat(v) for n, v in found.items()} if isinstance(found, dict) else {}
        return [{VALUE: cell(content), **inside}]
    if facts.type == "zset":
        return [{VALUE: cell(a), SCORE: float(b)} for a, b in zip(content[::2], content[1::2], strict=False)] or [{}]
    if facts.type == "stream":
        return [{VALUE: json.dumps(cell(entry[1]), ensure_ascii=False)} for entry in content] or [{}]
    return [{VALUE: cell(item)} for item in content] or [{}]


def _flat(value: Any) -> Cell:
    return (
        value if isinstance(value, str | int | float | bool) or value is None else json.dumps(value, ensure_ascii=False)
    )


def _json(content: Any) -> Any:
    if not isinstance(content, bytes) or content[:1] != b"{":
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
