"""Reads a statement of SQL into words with its values folded: canonical for comparing, and as it may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dbmanager.model.placeholders import colons

LONGEST_TOKENIZED = 50_000
"""Characters; what is longer is read by one regular expression instead, which takes a hundredth of the time."""
VALUE = "?"
_GAP = r"(?P<gap>(?:\s+|--[^\n]*|/\*.*?(?:\*/|\Z))+)"
_NUMBER = r"(?<![\w$])\d(?:[eE][+-]\d|[\w.])*"
_VALUE = (
    r"(?P<value>[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)|[nNxXbB]?'(?:[^']|'')*(?:'|\Z)"
    rf"|(?P<tag>\$\w*\$).*?(?:(?P=tag)|\Z)|{_NUMBER})"
)
_VALUE_MYSQL = rf"(?P<value>[nNxXbB]?'(?:[^'\\]|''|\\.)*(?:'|\Z)|\"(?:[^\"\\]|\"\"|\\.)*(?:\"|\Z)|{_NUMBER})"
_NAME = r'(?P<name>"(?:[^"]|"")*(?:"|\Z)|`[^`]*(?:`|\Z))'
_NAME_MYSQL = r"(?P<name>`[^`]*(?:`|\Z))"
_REST = r"(?P<word>\w+)|(?P<other>.)"
_ROUGH = re.compile(rf"{_GAP}|{_VALUE}|(?P<parameter>\$\d+|\?)|{_NAME}|{_REST}", re.S)
_ROUGH_MYSQL = re.compile(rf"{_GAP}|{_VALUE_MYSQL}|(?P<parameter>\?)|{_NAME_MYSQL}|{_REST}", re.S)
_SHAPE = re.compile(rf"{_GAP}|{_VALUE}|{_NAME}", re.S)
_SHAPE_MYSQL = re.compile(rf"{_GAP}|{_VALUE_MYSQL}|{_NAME_MYSQL}", re.S)
_VALUES = frozenset(
    ("STRING", "NUMBER", "HEREDOC_STRING", "BYTE_STRING", "HEX_STRING", "BIT_STRING", "NATIONAL_STRING", "RAW_STRING",
     "UNICODE_STRING")
)  # fmt: skip
_CONSTANTS = frozenset(("true", "false", "null"))
_NO_VALUE_AFTER = frozenset(("is", "not", "default"))
_TABLE_AFTER = frozenset(("from", "join", "into", "update", "table"))
_COMPARING = frozenset(
    ("=", "==", "<>", "!=", "<", ">", "<=", ">=", "like", "glob", "match", "regexp", "between", "and", "||")
)
_AFTER_OPERAND = frozenset((")", "]", VALUE))


@dataclass(frozen=True, slots=True)
class Word:
    """One word: canonical, as it may be shown, where it stands in the text, and whether a gap came before it.

    `is_operand` tells what a minus after it would be taken from.
    """

    canonical: str
    shown: str
    start: int
    end: int
    gap: bool
    is_operand: bool = False


def words(text: str, dialect: str) -> list[Word]:
    """Return the words of a statement without comments; literals, parameters and `...` are `?`, shown too but for `$1`.

    Names are compared as the dialect compares them: PostgreSQL and SQLite fold what is not quoted, MySQL's tables don't.
    What can't be tokenized is read by a rougher means, which never fails.
    """
    from sqlglot.errors import SqlglotError

    if len(text) > LONGEST_TOKENIZED:
        return list(_rough(text, dialect))
    try:
        found = _joined(list(_tokens(text, dialect)), text)
        if dialect == "sqlite":
            return list(_without_quoted_texts(found))
        return _tables_only(found) if dialect == "mysql" else found
    except SqlglotError:
        return list(_rough(text, dialect))


def is_readable(text: str, dialect: str) -> bool:
    """Whether the dialect's tokenizer takes the text: quotes and comments are closed."""
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import SqlglotError

    try:
        Dialect.get_or_raise(dialect).tokenize(colons(text, dialect))
    except SqlglotError:
        return False
    return True


def rough_shape(text: str, dialect: str) -> str:
    """Return a statement with its values folded by one regular expression: equal shapes have equal words."""
    return (_SHAPE_MYSQL if dialect == "mysql" else _SHAPE).sub(_folded, text + "\n;")


def without_values(text: str, dialect: str) -> str:
    """Return a piece of a statement, or of a plan, with every value folded, one that is not closed too."""

    def folded(match: re.Match[str]) -> str:
        return " " if match["gap"] is not None else VALUE if match["name"] is None else match[0]

    return (_SHAPE if dialect in ("postgres", "sqlite") else _SHAPE_MYSQL).sub(folded, text)


def _folded(match: re.Match[str]) -> str:
    """Fold a value or a gap; a name stays, and so does what reaches beyond the semicolon: it is not closed."""
    if match["name"] is not None or match.end() == len(match.string):
        return match[0]
    return " " if match["gap"] is not None else VALUE


def _tokens(text: str, dialect: str) -> Iterator[Word]:
    from sqlglot.dialects.dialect import Dialect

    end = -1
    found = Dialect.get_or_raise(dialect).tokenize(colons(text, dialect))
    for token in found:
        kind, start = token.token_type.name, token.start
        source = text[start : token.end + 1]
        gap = start > end + 1
        end = token.end
        if kind in _VALUES:
            yield Word(VALUE, VALUE, start, end + 1, gap, True)
        elif kind == "IDENTIFIER":
            yield Word(_name(source[1:-1], dialect, quoted=True), source, start, end + 1, gap, True)
        elif kind == "VAR":
            yield Word(_name(source, dialect, quoted=False), source, start, end + 1, gap, True)
        else:
            yield Word(source.lower(), source, start, end + 1, gap)


def _name(name: str, dialect: str, *, quoted: bool) -> str:
    if dialect == "mysql":
        return name
    if dialect == "sqlite" or not quoted or name == name.lower():
        return name.lower()
    return f'"{name}"'


def _tables_only(found: list[Word]) -> list[Word]:
    """Fold the case of all names but those of tables; a digest writes a column as ID where that is a word of its grammar."""
    result: list[Word] = []
    keeps = False
    for number, word in enumerate(found):
        before = found[number - 1].canonical.lower() if number else ""
        keeps = before in _TABLE_AFTER or (keeps and "." in (before, word.canonical))
        result.append(word if keeps else replace(word, canonical=word.canonical.lower()))
    return result


def _without_quoted_texts(found: list[Word]) -> Iterator[Word]:
    """Yield the words with `"x"` shown as a value where it may be one: SQLite takes a name that nothing bears for a text."""
    is_rows = in_list = False
    for at, word in enumerate(found):
        before = [other.canonical.lower() for other in found[max(0, at - 2) : at]]
        is_rows = is_rows or word.canonical == "values"
        in_list = before == ["in", "("] or (in_list and word.canonical != ")")
        is_qualified = "." in (*before[-1:], *(other.canonical for other in found[at + 1 : at + 2]))
        compared = is_rows or in_list or (bool(before) and before[-1] in _COMPARING)
        yield replace(word, shown=VALUE) if word.shown[0] == '"' and compared and not is_qualified else word


def _joined(found: list[Word], text: str) -> list[Word]:
    """Join what is one word in SQL: `$1`, `?1`, `:name`, `...`, a sign with its number; fold TRUE, FALSE and NULL."""
    result: list[Word] = []
    at = 0
    while at < len(found):
        word = found[at]
        following = found[at + 1] if at + 1 < len(found) else None
        touches = following is not None and not following.gap
        before = result[-1] if result else None
        if word.shown == "." and [w.shown for w in found[at : at + 3]] == [".", ".", "."]:
            result.append(Word(VALUE, VALUE, word.start, found[at + 2].end, word.gap, True))
            at += 3
        elif (
            text[word.start] in "$?"
            and word.end == word.start + 1
            and touches
            and following is not None
            and following.canonical == VALUE
        ):
            shown = text[word.start : following.end]
            result.append(Word(VALUE, shown, word.start, following.end, word.gap, True))
            at += 2
        elif word.shown == "?":
            result.append(Word(VALUE, "?", word.start, word.end, word.gap, True))
            at += 1
        elif word.shown in (":", "@") and touches and following and following.is_operand and _opens(word, before):
            result.append(_named(word, following))
            at += 2
        elif (
            word.shown in ("-", "+") and following is not None and following.canonical == VALUE and not _operand(before)
        ):
            result.append(Word(VALUE, VALUE, word.start, following.end, word.gap, True))
            at += 2
        elif before is not None and before.canonical == VALUE and not word.gap and word.shown[0] == "_":
            result[-1] = replace(before, end=word.end)  # `1_000`
            at += 1
        elif word.canonical in _CONSTANTS and (before is None or before.canonical not in _NO_VALUE_AFTER):
            result.append(Word(VALUE, VALUE, word.start, word.end, word.gap, True))
            at += 1
        else:
            result.append(word)
            at += 1
    return result


def _named(mark: Word, name: Word) -> Word:
    """Return `:name` as a value; `@name` stays: it is a variable of the session in MySQL."""
    if mark.shown == "@":
        return Word(f"@{name.canonical}", f"@{name.shown}", mark.start, name.end, mark.gap, True)
    return Word(VALUE, f":{name.shown}", mark.start, name.end, mark.gap, True)


def _opens(mark: Word, before: Word | None) -> bool:
    return mark.shown == "@" or mark.gap or before is None or before.canonical in ("(", ",", "=", "<", ">")


def _operand(before: Word | None) -> bool:
    return before is not None and (before.is_operand or before.canonical in _AFTER_OPERAND)


def _rough(text: str, dialect: str) -> Iterator[Word]:
    gap = False
    for match in (_ROUGH_MYSQL if dialect == "mysql" else _ROUGH).finditer(text):
        kind, source = match.lastgroup or "other", match[0]
        if match["gap"] is not None:
            gap = True
            continue
        is_value = match["value"] is not None or match["parameter"] is not None
        is_value = is_value or source.lower() in _CONSTANTS
        name = source.strip('"`') if kind == "name" else source.lower()
        yield Word(
            VALUE if is_value else name, VALUE if is_value else source, match.start(), match.end(), gap, is_value
        )
        gap = False
