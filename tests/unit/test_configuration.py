from __future__ import annotations

from pathlib import Path

import pytest

from dbmanager.errors import ConfigurationError
from dbmanager.services.configuration import load
from dbmanager.services.connections import resolve


def _load(tmp_path: Path, text: str = "", **environ: str) -> object:
    (tmp_path / "dbmanager.toml").write_text(text)
    return load(folder=tmp_path, environ=environ).configuration


@pytest.mark.parametrize(
    ("text", "named", "suggested"),
    [
        ('[connections.shop]\nurl = "sqlite:///a.db"\nacess = "read_write"', "connections.shop.acess", "access"),
        ('[connections.shop]\nurl = "sqlite:///a.db"\naccess = "readwrite"', "connections.shop.access", "read_write"),
        ('[connections.shop]\nurl = "sqlite:///a.db"\napproval = "perso"', "connections.shop.approval", "person"),
        (
            '[connections.shop]\nurl = "sqlite:///a.db"\nenvironment = "prod"',
            "connections.shop.environment",
            "production",
        ),
        (
            '[connections.shop]\nurl = "sqlite:///a.db"\n[connections.shop.limits]\nmax_row = 3',
            "limits.max_row",
            "max_rows",
        ),
        ('[connections.shop]\naccess = "read_only"', "connections.shop.url", "missing"),
        ('[conections.shop]\nurl = "sqlite:///a.db"', "conections", "connections"),
        ("[connections.shop", "dbmanager.toml", "TOML"),
    ],
)
def test_a_mistake_is_one_sentence_naming_key_and_fix(tmp_path: Path, text: str, named: str, suggested: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    assert named in caught.value.sentence()
    assert suggested in caught.value.sentence()


def test_a_mistyped_environment_variable_is_refused_rather_than_ignored(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="DBMANAGER_CONNECTION__SHOP__ACCESS"):
        _load(tmp_path, "", DBMANAGER_CONNECTION__SHOP__ACCESS="read_only")


def test_environment_overrides_the_file_and_database_url_adds_a_connection(tmp_path: Path) -> None:
    (tmp_path / "dbmanager.toml").write_text('[connections.Shop]\nurl = "sqlite:///a.db"\naccess = "read_write"')
    environ = {"DBMANAGER_CONNECTIONS__SHOP__ACCESS": "read_only", "DATABASE_URL": "postgresql://u@h/d"}
    loaded = load(folder=tmp_path, environ=environ, urls=("sqlite:///b.db",)).configuration
    assert loaded.connections["Shop"].access == "read_only"
    assert sorted(loaded.connections) == ["Shop", "default", "main"]
    assert loaded.connections["main"].access == "read_only"


def test_staging_and_production_want_a_person_unless_configured() -> None:
    from dbmanager.model.configuration import ConnectionSettings

    modes = {
        environment: ConnectionSettings(url="sqlite:///a.db", environment=environment).approval_mode
        for environment in ("development", "staging", "production")
    }
    assert modes == {"development": "client", "staging": "person", "production": "person"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysqli://u@h/d", "valid"),
        ("sqlite://host/x.db", "three slashes"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://u@h", "no database"),
        ("postgresql://u@h:port/d", "not a url"),
    ],
)
def test_an_unusable_url_names_its_key(tmp_path: Path, url: str, told: str) -> None:
    from dbmanager.model.configuration import ConnectionSettings

    with pytest.raises(ConfigurationError) as caught:
        resolve("shop", ConnectionSettings(url=url), tmp_path)
    assert "connections.shop.url" in caught.value.sentence()
    assert told in caught.value.sentence().lower()


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ({"env": "DBMANAGER_TEST_UNSET"}, "DBMANAGER_TEST_UNSET is not set"),
        ({"file": "nowhere.txt"}, "cannot be read"),
        ({"command": ["false"]}, "did not print"),
        ({"env": "A", "file": "b"}, "exactly one"),
    ],
)
def test_a_secret_that_can_not_be_had_names_its_source(tmp_path: Path, reference: dict[str, object], told: str) -> None:
    from dbmanager.model.configuration import ConnectionSettings, SecretReference

    settings = ConnectionSettings(url="postgresql://u@h/d", password=SecretReference.model_validate(reference))
    with pytest.raises(ConfigurationError, match=told):
        resolve("shop", settings, tmp_path)


def test_a_password_comes_from_file_environment_or_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dbmanager.model.configuration import ConnectionSettings, SecretReference

    (tmp_path / "secret").write_text("from-file\n")
    monkeypatch.setenv("DBMANAGER_TEST_SECRET", "from-env")
    cases: list[tuple[dict[str, object], str]] = [
        ({"file": "secret"}, "from-file"),
        ({"env": "DBMANAGER_TEST_SECRET"}, "from-env"),
        ({"command": ["echo", "from-command"]}, "from-command"),
    ]
    for reference, expected in cases:
        settings = ConnectionSettings(url="postgresql://u@h/d", password=SecretReference.model_validate(reference))
        url = resolve("shop", settings, tmp_path)
        assert url.password is not None
        assert url.password.get_secret_value() == expected
        assert expected not in repr(url)
