"""What documents are sorted by is what MongoDB sorts them by; whole numbers are told apart to their last digit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dbmanager.adapters.facets import BagRead
from dbmanager.adapters.sql.comparing import Digesting
from dbmanager.analyzers.rewriting.pipelines.commands import command_of
from dbmanager.analyzers.rewriting.pipelines.promises import promise_of_command
from dbmanager.analyzers.rewriting.promises import Promise
from dbmanager.model.documents import bagged, sort_key, values_at
from dbmanager.model.queries import QueryRequest


def test_an_array_is_sorted_by_its_least_member_and_by_its_greatest_where_it_descends() -> None:
    assert sort_key({"a": [3, 1, "x"]}, (("a", False),)) == sort_key({"a": 1}, (("a", False),))
    assert sort_key({"a": [3, 1, "x"]}, (("a", True),)) == sort_key({"a": "x"}, (("a", True),))
    assert sort_key({"a": [{"b": 2}, {"b": 1}]}, (("a.b", False),)) == sort_key({"a": {"b": 1}}, (("a.b", False),))


def test_a_missing_field_is_sorted_like_null_and_an_empty_array_before_both() -> None:
    assert sort_key({}, (("a", False),)) == sort_key({"a": None}, (("a", False),))
    assert sort_key({"a": []}, (("a", False),)) < sort_key({"a": None}, (("a", False),))


def test_a_path_leads_through_arrays_of_documents() -> None:
    assert values_at({"a": [{"b": 1}, {"c": 2}, {"b": [3]}]}, "a.b") == [1, [3]]
    assert bagged({"a": [2, 1], "b": [2, 1]}, ("a",)) == {"a": [1, 2], "b": [2, 1]}


def test_whole_numbers_that_differ_in_their_last_digit_are_not_the_same_data() -> None:
    one, other, near, same = (Digesting(BagRead(QueryRequest("SELECT 1")), 10) for _ in range(4))
    one.feed([(123_456_789,)], ())
    other.feed([(123_456_788,)], ())
    near.feed([(0.1 + 0.2,)], ())
    same.feed([(0.3000000001,)], ())
    assert one.digest(()).bag != other.digest(()).bag
    assert one.digest(()).loose != other.digest(()).loose, "keys are no sums of fractions"
    sums = [Digesting(BagRead(QueryRequest("SELECT 1")), 10) for _ in range(2)]
    for digesting, value in zip(sums, (123_456_789.0, 123_456_788.0), strict=True):
        digesting.feed([(value,)], ())
    assert sums[0].digest(()).loose == sums[1].digest(()).loose, "sums of floats depend on the order of adding"
    assert near.digest(()).loose == same.digest(()).loose


def _promise(*stages: dict[str, Any]) -> Promise:
    command = command_of(json.dumps({"aggregate": "c", "pipeline": stages}))
    assert command is not None
    return promise_of_command(command)


@pytest.mark.parametrize(
    ("stages", "ordered", "total", "ties"),
    [
        ([{"$sort": {"a": 1}}], True, False, False),
        ([{"$sort": {"a": 1, "_id": 1}}, {"$limit": 2}], True, True, False),
        ([{"$sort": {"a": 1}}, {"$limit": 2}], True, False, True),
        ([{"$limit": 2}], False, False, True),
        ([{"$unwind": "$a"}, {"$sort": {"_id": 1}}, {"$limit": 2}], True, False, True),
        ([{"$sort": {"_id": 1}}, {"$group": {"_id": "$a"}}], False, False, False),
        ([{"$limit": 2}, {"$count": "n"}], False, True, False),
    ],
)
def test_a_pipeline_promises_an_order_only_where_its_last_stages_keep_it(
    stages: list[dict[str, Any]], ordered: bool, total: bool, ties: bool
) -> None:
    found = _promise(*stages)
    assert (found.ordered, found.total, found.has_ties) == (ordered, total, ties)


def test_arrays_that_were_gathered_without_an_order_are_bags_and_what_takes_from_them_is_loose() -> None:
    push = {"$group": {"_id": "$a", "l": {"$push": "$b"}}}
    assert _promise(push).bags == ("l",)
    assert _promise({"$sort": {"_id": 1}}, push).bags == ()
    assert _promise(push, {"$project": {"m": "$l"}}).bags == ("m",)
    assert _promise(push, {"$addFields": {"f": {"$arrayElemAt": ["$l", 0]}}}).loose
    assert _promise({"$limit": 2}, {"$match": {"a": 1}}).loose
    assert _promise({"$sample": {"size": 2}}).volatile
