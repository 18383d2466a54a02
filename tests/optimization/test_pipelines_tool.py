"""verify_rewrite of MongoDB's commands through a client over stdio: verdicts, evidence, secrecy, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.mongodb import Client, MongoServer
from tests.optimization.documents import SECRET, address, filled
from tests.server.processes import call, client_in

pytestmark = pytest.mark.anyio
Filled = tuple[str, Client]
VALUE = "Kowalski-4711"
ORIGINAL = f'{{"find": "orders", "filter": {{"note": {{"$ne": "{VALUE}"}}, "qty": {{"$not": {{"$gt": 7}}}}}}}}'
WRONG = f'{{"find": "orders", "filter": {{"note": {{"$ne": "{VALUE}"}}, "qty": {{"$lte": 7}}}}}}'


@pytest.fixture
def shop(mongodb_server: MongoServer, tmp_path: Path) -> Iterator[Filled]:
    """A filled database, configured as the connection `shop`."""
    with filled(mongodb_server) as (name, client):
        (tmp_path / "dbmanager.toml").write_text(
            '[store]\ndata_dir = "state"\n[connections.shop]\n'
            f'url = {json.dumps(address(mongodb_server, name))}\naccess = "read_only"\nscratch = "server"\n'
        )
        yield name, client


@pytest.mark.promise("P3.2")
async def test_a_rewritten_command_is_judged_and_kept_as_evidence(shop: Filled, tmp_path: Path) -> None:
    async with client_in(tmp_path) as client:
        _, begun, _ = await call(client, "update_project", goal="faster", connections=["shop"])
        text, facts, failed = await call(
            client, "verify_rewrite", connection="shop", original=ORIGINAL, rewritten=WRONG, project=begun["project"]
        )
        assert not failed, text
        assert facts["decisions"] == ["refuted"]
        assert "orders:" in text, "the documents that refute are shown"
        assert '{"_id": ' in text
        right = {
            "aggregate": "orders",
            "pipeline": [{"$match": {"qty": {"$not": {"$gt": 7}}}}, {"$match": {"note": {"$ne": VALUE}}}],
        }
        text, facts, failed = await call(
            client, "verify_rewrite", connection="shop", original=ORIGINAL, rewritten=right, project=begun["project"]
        )
        assert not failed, text
        assert facts["decisions"] == ["supported"], text
        assert "Real data: equal" in text
        assert "planner cost" in text or "tells no cost" in text
    kept = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert b"rewrite_verified" in kept
    assert VALUE.encode() not in kept, "commands are kept without their values"


async def test_what_writes_or_is_not_understood_is_not_judged(shop: Filled, tmp_path: Path) -> None:
    name, raw = shop
    async with client_in(tmp_path) as client:
        for rewritten in (
            '{"delete": "orders", "deletes": [{"q": {}, "limit": 0}]}', "SELECT 1", '{"find": 5}',
            '{"aggregate": "orders", "pipeline": [{"$merge": {"into": "orders"}}]}', None,
        ):  # fmt: skip
            text, _, failed = await call(
                client, "verify_rewrite", connection="shop", original=ORIGINAL, rewritten=rewritten
            )
            assert failed, text
        assert "as rewritten" in text, "left out, it says what to give"
    assert raw[name]["orders"].count_documents({}) == 61


async def test_no_document_of_the_database_is_shown_and_restricted_fields_are_counted_as_guesses(
    shop: Filled, tmp_path: Path
) -> None:
    name, raw = shop
    raw[name]["people"].insert_many(
        {"_id": n, "card_number": f"4111 1111 1111 {1000 + n}", "note": f"{SECRET} {n}"} for n in range(40)
    )
    async with client_in(tmp_path) as client:
        same = '{"find": "people", "filter": {"_id": {"$gte": 0}}}'
        both = '{"find": "people", "filter": {"$and": [{"_id": {"$gte": 0}}, {"_id": {"$gte": 0}}]}}'
        for rewritten, decision in ((both, "supported"), ('{"find": "people", "filter": {"_id": 1}}', "refuted")):
            text, facts, failed = await call(
                client, "verify_rewrite", connection="shop", original=same, rewritten=rewritten
            )
            assert not failed, text
            assert facts["decisions"] == [decision], text
            assert SECRET not in text
            assert "4111" not in text
            assert "(40 rows)" not in text
        text, _, _ = await call(client, "verify_audit_log")
    audited = (tmp_path / "state").rglob("*")
    assert any(b"restricted_filter" in path.read_bytes() for path in audited if path.is_file())
