"""Two names of one database are known for what they are, and unlike ones are not taken for one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from dbmanager.adapters.registry import ENGINES
from dbmanager.model.configuration import Configuration
from dbmanager.services.connections import Connections
from dbmanager.services.places import DEFAULT_PORTS

SAME = [
    ("postgresql://a@db.example/shop", "postgres://other@DB.example.:5432/shop"),
    ("postgresql://a@localhost/shop", "postgresql+asyncpg://a@127.0.0.1:5432/shop"),
    ("mysql://a@[::1]/shop", "mariadb://a@127.0.0.1:3306/shop"),
    ("redis://a@cache.example", "rediss://a@cache.example:6379/0"),
    ("mongodb://a@one.example,two.example:27018/shop", "mongodb://b@two.example:27018/shop?replicaSet=r"),
]
UNLIKE = [
    ("postgresql://a@db.example/shop", "postgresql://a@db.example/copy"),
    ("postgresql://a@db.example/shop", "postgresql://a@db.example:5433/shop"),
    ("postgresql://a@db.example/shop", "mysql://a@db.example/shop"),
    ("mysql://a@db.example/shop", "mysql://a@db2.example/shop"),
    ("redis://a@cache.example/0", "redis://a@cache.example/1"),
    ("mongodb://a@one.example/shop", "mongodb://a@one.example:27018/shop"),
]


def _are_one(folder: Path, *settings: Mapping[str, object]) -> bool:
    named = dict(zip("ab", settings, strict=True))
    return Connections(Configuration.model_validate({"connections": named}), folder).are_one("a", "b")


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_database_under_two_names_is_recognised(one: str, other: str, tmp_path: Path) -> None:
    assert _are_one(tmp_path, {"url": one}, {"url": other})


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_unlike_databases_are_told_apart(one: str, other: str, tmp_path: Path) -> None:
    assert not _are_one(tmp_path, {"url": one}, {"url": other})


def test_a_file_is_recognised_under_all_of_its_links(tmp_path: Path) -> None:
    for name in ("shop.db", "copy.db"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "soft.db").symlink_to("shop.db")
    os.link(tmp_path / "shop.db", tmp_path / "hard.db")
    names = ("shop.db", "soft.db", "hard.db", "./shop.db", "copy.db")
    found = [_are_one(tmp_path, {"url": "sqlite:///shop.db"}, {"url": f"sqlite:///{name}"}) for name in names]
    assert found == [True, True, True, True, False]


def test_loopback_behind_a_tunnel_is_another_machine(tmp_path: Path) -> None:
    near = {"url": "mysql://a@localhost/shop"}
    far = {**near, "ssh": {"host": "gate.example"}}
    assert not _are_one(tmp_path, near, far)
    assert _are_one(tmp_path, far, {**far, "url": "mysql://a@127.0.0.1/shop"})


def test_no_password_is_fetched_to_tell(tmp_path: Path) -> None:
    asked = {"url": "mysql://a@db.example/shop", "password": {"command": ["touch", "asked"]}}
    assert _are_one(tmp_path, asked, asked)
    assert not (tmp_path / "asked").exists()


def test_every_engine_with_a_server_has_its_port() -> None:
    assert set(DEFAULT_PORTS) == set(ENGINES) - {"sqlite"}
