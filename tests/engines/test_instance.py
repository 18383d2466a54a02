"""What private servers share: ends are noticed at once, leftovers removed, other servers named by a URL."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.engines import extracted
from tests.engines.instance import EngineMissing, given_url, login, private_folder, serving


def test_a_server_that_ends_is_noticed_at_once_with_its_last_words() -> None:
    started = time.monotonic()
    dying = ["/bin/sh", "-c", "echo no space left; exit 3"]
    with private_folder("test") as folder, pytest.raises(EngineMissing, match="no space left"):
        serving("test", dying, folder).__enter__()
    assert time.monotonic() - started < 10
    assert not folder.exists()


def test_a_url_names_server_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBMANAGER_TEST_MYSQL_URL", "mysql://root:a%2Fb%20%C3%BC@db.example:3307")
    url = given_url("mysql")
    assert url is not None
    assert (url.hostname, url.port, login("mysql")) == ("db.example", 3307, ("root", "a/b ü"))
    assert given_url("nosuch") is None


def test_a_closure_that_is_not_there_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(EngineMissing, match="make engines"):
        extracted.program("mysql", "mysql")
