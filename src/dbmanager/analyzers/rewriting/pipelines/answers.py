"""Tells whether two answers of documents are the same as far as the original promises one."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from dbmanager.analyzers.rewriting.promises import Promise
from dbmanager.model.documents import bagged, sort_key
from dbmanager.model.rewrites import Answer


def document_difference(original: Answer, rewritten: Answer, promise: Promise) -> str | None:
    """Return how the answers differ; None where they are the same, empty where they can't be compared.

    Fields of a document may stand in any order at its top; within documents that stand in it the order counts, as
    MongoDB compares them.
    """
    if original.problem:
        return ""
    if rewritten.problem:
        return f"the rewritten command fails where the original answers: {rewritten.problem}"
    left, right = (_documents(answer, promise) for answer in (original, rewritten))
    if len(left) != len(right):
        return f"{len(left)} documents became {len(right)}"
    if promise.loose:
        return None
    if not promise.has_ties and Counter(map(_text, left)) != Counter(map(_text, right)):
        return "the documents differ"
    if promise.ordered and promise.total:
        return None if list(map(_text, left)) == list(map(_text, right)) else "the order differs"
    if not promise.ordered or promise.keys is None:
        return None
    same = [sort_key(d, promise.fields) for d in left] == [sort_key(d, promise.fields) for d in right]
    return None if same else "the documents that come first differ" if promise.has_ties else "the order differs"


def _documents(answer: Answer, promise: Promise) -> list[dict[str, Any]]:
    return [bagged(json.loads(str(row[0])), promise.bags) for row in answer.rows]


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document)
