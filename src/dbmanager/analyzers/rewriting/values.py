"""Values that columns of small databases are filled with: few, near the literals of the statements, hard for SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

from sqlglot import exp

from dbmanager.analyzers.rewriting.hints import Literal, shifted
from dbmanager.model.schema import Column, DataType, TypeKind

Value = None | bool | int | float | Decimal | str
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?")
_INTEGERS: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 0)
_FRACTIONS: tuple[str, ...] = ("1", "2", "0", "0.5", "10", "1.5", "50", "3", "2.12345")
_TEXTS: tuple[str, ...] = ("a", "b", "c", "ab", "A", "a ", "")
_DATES: tuple[str, ...] = ("2020-01-01", "2020-01-02", "2020-01-31", "2021-02-28")
_OTHERS: dict[TypeKind, tuple[str, ...]] = {
    TypeKind.TIME: ("00:00:00", "12:00:00", "23:59:59"),
    TypeKind.UUID: tuple(f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 9)),
    TypeKind.JSON: ("{}", '{"a": 1}', '{"a": "b"}', "[1, 2]", "null"),
    TypeKind.INTERVAL: ("1 day", "30 days", "1 month"),
    TypeKind.NETWORK: ("10.0.0.1", "10.0.0.2", "192.168.0.1"),
}
LONGEST_POOL = 24


def pool(column: Column, literals: Sequence[Literal]) -> tuple[list[Value], list[Value], list[Value]]:
    """Return a column's values: its literals and the next to them, those around, ordinary ones.

    All are empty for types of which nothing is known.
    """
    return _pool(column.type, tuple(literals))


@lru_cache(maxsize=1_024)
def _pool(type_: DataType, literals: tuple[Literal, ...]) -> tuple[list[Value], list[Value], list[Value]]:
    groups: tuple[list[Value], list[Value]] = ([], [])
    for literal in literals if type_.kind is not TypeKind.BOOLEAN else ():
        found = [value for value in _near(literal, type_) if fits(value, type_)]
        first = 1 if type_.kind is TypeKind.TEXT and not _is_pattern(literal) else 2
        groups[0].extend(found[:first])
        groups[1].extend(found[first:])
    hits = list(dict.fromkeys(groups[0]))[:LONGEST_POOL]
    near = [value for value in dict.fromkeys(groups[1]) if value not in hits][:LONGEST_POOL]
    plain = [value for value in _plain(type_) if fits(value, type_) and value not in hits and value not in near]
    return hits, near, plain


def _plain(type_: DataType) -> Iterable[Value]:
    kind = type_.kind
    if kind is TypeKind.INTEGER:
        return _INTEGERS if type_.unsigned else (*_INTEGERS, -1)
    if kind in (TypeKind.DECIMAL, TypeKind.FLOAT):
        return (*(_scaled(Decimal(text), type_) for text in _FRACTIONS), Decimal(-1), _scaled(Decimal("-1.5"), type_))
    if kind is TypeKind.BOOLEAN:
        return (True, False)
    if kind is TypeKind.TEXT:
        return _TEXTS
    if kind is TypeKind.DATE:
        return _DATES
    if kind is TypeKind.TIMESTAMP:
        return (f"{_DATES[0]} 00:00:00", f"{_DATES[0]} 23:59:59", f"{_DATES[1]} 00:00:00", f"{_DATES[2]} 12:00:00")
    if kind is TypeKind.ENUM:
        return type_.enum_values[:6]
    if kind is TypeKind.ARRAY:
        return ("{}",)
    return _OTHERS.get(kind, ())


def _near(literal: Literal, type_: DataType) -> Iterable[Value]:
    """Yield a literal as the type has it, its neighbours, and what a pattern or a function of it would match."""
    kind = type_.kind
    if kind in (TypeKind.INTEGER, TypeKind.DECIMAL, TypeKind.FLOAT):
        yield from _near_number(literal, type_)
    elif kind in (TypeKind.DATE, TypeKind.TIMESTAMP):
        yield from _near_date(literal, kind)
    elif kind is TypeKind.TEXT:
        yield from _near_text(literal)
    elif kind is TypeKind.ENUM and literal in type_.enum_values:
        yield str(literal)
    elif kind is TypeKind.UUID and isinstance(literal, str) and re.fullmatch(r"[0-9a-fA-F-]{36}", literal):
        yield literal.lower()


def _near_number(literal: Literal, type_: DataType) -> Iterable[Value]:
    try:
        number = Decimal(str(literal))
    except ArithmeticError:
        return
    if type_.kind is TypeKind.INTEGER:
        whole = int(number)
        yield from (whole, whole + 1, whole - 1, whole // 2)
        return
    step = Decimal(1).scaleb(-(type_.scale if type_.scale is not None else 1))
    yield from (_scaled(value, type_) for value in (number, number + step, number - step, number / 2))


def _scaled(value: Decimal, type_: DataType) -> Decimal:
    if type_.kind is TypeKind.DECIMAL and type_.scale is not None:
        return value.quantize(Decimal(1).scaleb(-type_.scale))
    return value


def _near_date(literal: Literal, kind: TypeKind) -> Iterable[Value]:
    if isinstance(literal, int) and 1900 <= literal <= 2100:
        literal = f"{literal}-01-01"
        days = [literal, shifted(literal, 11, 30), shifted(literal, 0, -1), shifted(literal, 12, 0)]
    else:
        match = _DATE.match(str(literal))
        if match is None:
            return
        days = [match[1], shifted(match[1], 0, 1), shifted(match[1], 0, -1)]
        if kind is TypeKind.TIMESTAMP and match[2]:
            yield f"{match[1]} {match[2]}"
    if kind is TypeKind.DATE:
        yield from days
        return
    for day in days:
        yield from (f"{day} 00:00:00", f"{day} 23:59:59")


def _near_text(literal: Literal) -> Iterable[Value]:
    if isinstance(literal, int):
        yield from (str(literal), "a" * min(abs(literal), 20), "a" * min(abs(literal) + 1, 21))
        return
    text = str(literal)
    if _is_pattern(text):
        yield from (text.replace("%", "").replace("_", "a"), text.replace("%", "x").replace("_", "b"))
    else:
        yield text
    yield from (text.lower(), text, text.upper(), text + " ", text + "x", text[:-1], " " + text)


def _is_pattern(literal: Literal) -> bool:
    return isinstance(literal, str) and ("%" in literal or "_" in literal)


def fits(value: Value, type_: DataType) -> bool:
    """Whether a column of the type can hold the value."""
    if isinstance(value, str) and type_.kind is TypeKind.TEXT:
        return type_.length is None or len(value) <= type_.length
    if isinstance(value, int) and type_.kind is TypeKind.INTEGER:
        largest = type_.largest_integer
        return largest is None or (0 if type_.unsigned else -largest) <= value <= largest
    if isinstance(value, Decimal) and type_.kind is TypeKind.DECIMAL and type_.precision is not None:
        return len(str(abs(int(value)))) <= max(type_.precision - (type_.scale or 0), 1)
    return not (isinstance(value, int | Decimal) and type_.unsigned and value < 0)


@lru_cache(maxsize=4_096)
def literal_of(value: Value, dialect: str, kind: TypeKind) -> str:
    """Return a value as the engine's SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value)) if dialect == "sqlite" else str(value).upper()
    if isinstance(value, str):
        return exp.Literal.string(value).sql(dialect)
    return format(value, "f") if isinstance(value, Decimal) else str(value)
