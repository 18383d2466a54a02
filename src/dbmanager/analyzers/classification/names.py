"""Name evidence: which kind a column's name, path or comment says it holds, in some twenty languages."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT = re.compile(r"[\W_]+")
_FOLDS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})
_COMMENT_WORDS = 14
_SHORT = 4
_PREFIXES = 3
Words = tuple[str, ...]


def fold(text: str) -> str:
    """Return a text in lower case without accents; letters of any script are kept."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in plain if not unicodedata.combining(c))).translate(_FOLDS)


def tokens(name: str) -> Words:
    """Return the words of a name: snake, kebab and camel case and paths split, folded."""
    return tuple(word for word in _SPLIT.split(fold(_CAMEL.sub("_", name))) if word)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words that names are made of, folded.

    Attributes:
        phrases: a phrase's words → the kind it names.
        longest: how many words the longest phrase has.
    """

    phrases: Mapping[Words, str]
    longest: int
    tails: frozenset[str]
    people: frozenset[str]
    heads: frozenset[str]
    about: frozenset[str]
    general: frozenset[str]
    names: frozenset[str]
    sharp: frozenset[str]
    vocabulary: frozenset[str]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return the lexicon of `data/names.toml`, read once."""
    text = files(__package__).joinpath("data", "names.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    phrases = {
        tokens(phrase): kind
        for kind, languages in data["kinds"].items()
        for listed in languages.values()
        for phrase in listed
    }
    lists = {name: _folded(listed) for name, listed in data["words"].items()}
    known = {word for phrase in phrases for word in phrase}.union(*lists.values())
    vocabulary = frozenset(word for word in known if len(word) >= _PREFIXES)
    return Lexicon(phrases, max(map(len, phrases)), vocabulary=vocabulary, **lists)


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(fold(word) for word in words)


@lru_cache(maxsize=20_000)
def kind_of_name(table: str, column: str) -> str | None:
    """Return the kind that a name says, or None: what follows the phrase must leave it what it is.

    Args:
        table: the table's name, or what stands before the last part of a path; it gives general words their meaning.
        column: the column's name; of a dotted path the last part speaks first.
    """
    above, _, last = column.rpartition(".")
    words = _words(last.removesuffix("[]"))
    context = _singular(_words(above.rpartition(".")[2] or table))
    found = _kind_of(words)
    if found is not None or not words or not set(words) <= lexicon().general | lexicon().names | lexicon().tails:
        return found
    if _is_name(words) or words in (("first",), ("last",), ("middle",), ("given",)):
        return "person_name" if context and set(context) & lexicon().people else None
    return _kind_of((*context, *words)) if context else None


@lru_cache(maxsize=5_000)
def kind_of_comment(comment: str) -> str | None:
    """Return the kind that a short comment names; a comment about counts, types or states names none."""
    words = tuple(word for word in tokens(comment) if word not in ("the", "of", "a", "an", "s", "this", "for", "der"))
    if not words or len(words) > _COMMENT_WORDS or set(words) & (lexicon().about | {"whether", "id", "ids", "if"}):
        return None
    found = [kind for _, kind in _phrases(words) if kind]
    return found[0] if found else None


def _words(name: str) -> Words:
    return tuple(part for word in tokens(name) for part in _parts(word))


def _kind_of(words: Words) -> str | None:
    lex = lexicon()
    if not words or words[0] in lex.heads or set(words) & lex.about:
        return None
    best: tuple[int, str] | None = None
    for (start, end), kind in _phrases(words):
        stays = all(word in lex.tails or word in lex.people or word.isdigit() for word in words[end:])
        if stays and _is_clear(words, start, end) and (best is None or end - start >= best[0]):
            best = (end - start, kind)
    if best is None and _is_name(words) and set(words) & lex.people:
        return "person_name"
    return best[1] if best else None


def _phrases(words: Words) -> Iterable[tuple[tuple[int, int], str]]:
    """Yield where each known phrase stands, longer ones first."""
    lex = lexicon()
    for size in range(min(lex.longest, len(words)), 0, -1):
        for start in range(len(words) - size + 1):
            kind = lex.phrases.get(words[start : start + size])
            if kind is not None:
                yield (start, start + size), kind


def _is_clear(words: Words, start: int, end: int) -> bool:
    """Whether a short word stands alone, apart from words for people; longer and sharp ones are clear anywhere."""
    lex, word = lexicon(), words[start]
    if end - start > 1 or len(word) > _SHORT or word in lex.sharp or not word.isascii():
        return True
    return all(w in lex.people or w in lex.tails for w in words[:start])


def _is_name(words: Words) -> bool:
    """Whether the words say "name" and, beside it, at most who is named."""
    lex = lexicon()
    return any(word in lex.names for word in words) and all(
        word in lex.names or word in lex.people or word in ("full", "de", "del", "du", "di") for word in words
    )


def _singular(words: Words) -> Words:
    known = lexicon().vocabulary
    return tuple(word[:-1] if word.endswith("s") and word[:-1] in known else word for word in words)


@lru_cache(maxsize=20_000)
def _parts(word: str) -> Words:
    """Return the known words that a run-together one is made of (`kundenemail`), or the word itself."""
    known = lexicon().vocabulary
    if word in known or len(word) < 2 * _PREFIXES or not word.isascii():
        return _unnumbered(word)
    reach: dict[int, Words] = {0: ()}
    for end in range(_PREFIXES, len(word) + 1):
        for start in range(end - _PREFIXES + 1):
            if start in reach and word[start:end] in known:
                made = (*reach[start], word[start:end])
                if end not in reach or len(made) < len(reach[end]):
                    reach[end] = made
    return reach.get(len(word)) or _unnumbered(word)


def _unnumbered(word: str) -> Words:
    """`phone2` is `phone`, unless the number belongs to a known word."""
    plain = word.rstrip("0123456789")
    return (plain,) if plain != word and word not in lexicon().vocabulary and plain in lexicon().vocabulary else (word,)
