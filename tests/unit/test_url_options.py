"""What a URL asks for is heeded or refused, on every engine; nothing is silently dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbmanager.adapters.registry import ENGINES
from dbmanager.errors import ConfigurationError
from dbmanager.model.configuration import ConnectionSettings
from dbmanager.services.connections import resolve

ADDRESSES = {
    "sqlite": "sqlite:///shop.db", "postgresql": "postgresql://app@db.example/shop", "mysql": "mysql://app@db.example/shop",
    "mongodb": "mongodb://app@db.example/shop", "redis": "rediss://app@db.example/0",
}  # fmt: skip
UNHEEDED = ("sslmode=verify-full", "ssl=true", "tls=true", "ssl_cert_reqs=none", "connect_timeout=", "mode=ro", "db=3",
            "charset=latin1", "nonsense=1")  # fmt: skip


def _options(engine: str, query: str) -> dict[str, str]:
    return resolve("shop", ConnectionSettings(url=f"{ADDRESSES[engine]}?{query}"), Path()).options


def test_every_engine_is_tried() -> None:
    assert set(ADDRESSES) == set(ENGINES)


@pytest.mark.parametrize("engine", sorted(ADDRESSES))
@pytest.mark.parametrize("query", UNHEEDED)
def test_an_option_that_is_not_heeded_is_refused(engine: str, query: str) -> None:
    name = query.partition("=")[0]
    with pytest.raises(ConfigurationError, match=f"'{name}', which is not heeded") as refused:
        _options(engine, query)
    hint = str(refused.value.hint)
    assert ("connections.shop.tls" in hint) is name.startswith(("ssl", "tls"))
    assert f"Options of {engine}: {', '.join(ENGINES[engine].options) or 'none'}." in hint


@pytest.mark.parametrize(
    ("engine", "query", "meant"),
    [("postgresql", "client_encodin=latin1", "client_encoding"), ("mongodb", "replicasets=r", "replicaSet"),
     ("mongodb", "authSrc=admin", "authSource")],
)  # fmt: skip
def test_the_nearest_option_is_named(engine: str, query: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"did you mean '{meant}'"):
        _options(engine, query)


@pytest.mark.parametrize("engine", [engine for engine in sorted(ENGINES) if ENGINES[engine].options])
def test_a_heeded_option_is_taken_in_any_case(engine: str) -> None:
    for option in ENGINES[engine].options:
        assert _options(engine, f"{option.upper()}=x") == {option: "x"}
        assert _options(engine, f"{option}=x") == {option: "x"}
