"""Tokens of an external issuer: signature, audience, issuer and expiry count, and its scopes cap what may be done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.http.issuer import AUDIENCE, NAME, Issuer, issuing
from tests.http.serving import ERAS, HttpServer, client_of, serving, shop
from tests.server.processes import call

pytestmark = pytest.mark.anyio
TABLE = '[http]\nurl = "{audience}"\n[http.jwt]\nissuer = "{issuer}"\n{key}\n'


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        yield found


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    table = TABLE.format(audience=AUDIENCE, issuer=NAME, key=f'jwks_url = "{issuer.url}"')
    with serving(shop(tmp_path_factory.mktemp("jwt"), table)) as running:
        yield running


@pytest.mark.parametrize("mode", ERAS)
async def test_a_good_token_is_let_in_under_its_subject(server: HttpServer, issuer: Issuer, mode: str) -> None:
    async with client_of(server, issuer.token(), mode=mode) as client:
        assert "shop" in (await call(client, "list_connections"))[0]
        text, _, failed = await call(client, "apply_change", change="chg_0000000000")
        assert failed
        assert "zoe@issuer.example" in text or "does not exist" in text
        text, _, failed = await call(client, "run_backup", connection="shop")
        assert failed
        assert "'zoe@issuer.example' does not hold" in text


WRONG: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 3600},
    "without an end": {"exp": None},
    "for another server": {"aud": "https://other.example/mcp"},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "https://evil.example"},
    "without a subject": {"sub": None},
    "with an endless subject": {"sub": "x" * 500},
    "signed by another key": {"key": ec.generate_private_key(ec.SECP256R1())},
    "signed by a key nobody knows": {"kid": "two"},
    "not yet valid": {"nbf": int(time.time()) + 3600},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
async def test_a_token_that_is_wrong_is_refused(server: HttpServer, issuer: Issuer, claims: dict[str, Any]) -> None:
    assert server.post(token=issuer.token()).status_code == 200
    assert server.post(token=issuer.token(**claims)).status_code == 401


async def test_a_token_signed_with_the_public_key_as_a_secret_or_not_at_all_is_refused(
    server: HttpServer, issuer: Issuer
) -> None:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "k" * 64, algorithm="HS256", headers={"kid": "one"}),
        jwt.encode(claims, None, algorithm="none", headers={"kid": "one"}),  # type: ignore[arg-type] # what is forged
    ]
    for token in forged:
        assert server.post(token=token).status_code == 401


async def test_unknown_keys_do_not_make_the_server_ask_the_issuer_again_and_again(
    server: HttpServer, issuer: Issuer
) -> None:
    before = issuer.asked
    for number in range(30):
        assert server.post(token=issuer.token(kid=f"made up {number}")).status_code == 401
    assert issuer.asked <= before + 2
    assert server.post(token=issuer.token()).status_code == 200


async def test_clients_are_told_where_tokens_come_from(server: HttpServer) -> None:
    refused = server.post()
    assert refused.status_code == 401
    assert "/.well-known/oauth-protected-resource/mcp" in refused.headers["WWW-Authenticate"]
    told = server.get("/.well-known/oauth-protected-resource/mcp").json()
    assert told["resource"] == AUDIENCE
    assert [address.rstrip("/") for address in told["authorization_servers"]] == [NAME]
    assert set(told["scopes_supported"]) == {"read", "write", "admin"}


async def test_a_token_without_a_scope_of_ours_is_told_which_is_missing(server: HttpServer, issuer: Issuer) -> None:
    refused = server.post(token=issuer.token(scope="openid profile"))
    assert refused.status_code == 403
    assert "read" in refused.headers["WWW-Authenticate"]


async def test_a_key_file_serves_as_well(issuer: Issuer, tmp_path: Any) -> None:
    key = f'key_file = "{issuer.write_key(tmp_path).name}"'
    with serving(shop(tmp_path, TABLE.format(audience=AUDIENCE, issuer=NAME, key=key))) as server:
        assert server.post(token=issuer.token()).status_code == 200
        assert server.post(token=issuer.token(aud="https://other.example/mcp")).status_code == 401
