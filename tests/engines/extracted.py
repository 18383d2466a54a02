"""Servers that the distribution does not have, taken from Debian's unstable suite into a cache; nothing is installed.

A closure is a server's packages with all that they depend on, libc included; its programs are started by its own
loader, so that the machine's libraries do not matter. `python -m tests.engines.extracted NAME ...` fills the cache
(`make engines` does); tests only read it. The suite moves: versions are printed, never pinned; to get newer ones
remove the cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.engines.instance import EngineMissing

SUITE = "sid"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UNUSED = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/gtk-doc")


@dataclass(frozen=True, slots=True)
class Closure:
    """A server to extract: patterns of its packages and programs, and links that its installation would make."""

    name: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()


CLOSURES = {
    closure.name: closure
    for closure in (
        Closure("mysql", ("mysql-server-core", "mysql-client-core"), ("usr/sbin/mysqld", "usr/bin/mysql*")),
        Closure(
            "documentdb",
            (r"postgresql-\d+-documentdb", r"postgresql-\d+-hypopg", r"postgresql-\d+-pgaudit"),
            ("usr/lib/postgresql/*/bin/*",),
            (("usr/share/postgresql/*/extension/postgis-3.control", "postgis.control"),),
        ),
        Closure("redis", ("redis-server", "redis-tools"), ("usr/bin/redis-*",)),
        Closure("valkey", ("valkey-server", "valkey-tools"), ("usr/bin/valkey-*",)),
        Closure("prometheus", ("prometheus",), ("usr/bin/prom*",)),
        Closure("systemd", ("systemd",), ("usr/bin/systemd-analyze",)),
    )
}


def cache() -> Path:
    """Return the cache's folder; root's own home is closed to the servers' users, so root keeps it in /var/cache."""
    home = Path("/var/cache") if os.getuid() == 0 else Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home) / "dbmanager-engines"


def root(name: str) -> Path:
    """Return the folder of an extracted closure.

    Raises:
        EngineMissing: it is not in the cache.
    """
    folder = cache() / name
    if not (folder / "versions.json").exists():
        raise EngineMissing(f"{name} is not in {cache()}; run `make engines`")
    return folder


def program(name: str, command: str) -> Path:
    """Return a program of an extracted closure, ready to run."""
    return root(name) / "programs" / command


def versions(name: str) -> dict[str, str]:
    """Return the packages of an extracted closure with their versions."""
    found: dict[str, str] = json.loads((root(name) / "versions.json").read_text())
    return found


def fill(names: list[str]) -> None:
    """Download and extract what is not in the cache yet; one process at a time, resumed where it was broken off.

    Raises:
        EngineMissing: the packages cannot be had on this machine.
    """
    with _locked(cache()):
        missing = [CLOSURES[name] for name in names if not (cache() / name / "versions.json").exists()]
        if not missing:
            return
        apt = _Apt(cache() / "apt")
        apt.update()
        for closure in missing:
            _build(closure, apt)
        shutil.rmtree(apt.folder)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(closure: Closure, apt: _Apt) -> None:
    started, final = time.monotonic(), cache() / closure.name
    _say(f"{closure.name}: downloading from {SUITE} ...")
    debs = apt.download([apt.newest(pattern) for pattern in closure.packages])
    for stale in cache().glob(f".{closure.name}-*"):
        shutil.rmtree(stale)
    made = Path(tempfile.mkdtemp(prefix=f".{closure.name}-", dir=cache()))
    made.chmod(0o755)
    for deb in debs:
        _run(["dpkg-deb", "-x", str(deb), str(made)])
    for unused in UNUSED:
        shutil.rmtree(made / unused, ignore_errors=True)
    for pattern, link in closure.links:
        for path in made.glob(pattern):
            path.with_name(link).symlink_to(path.name)
    _wrap(made, final, closure.programs)
    found = dict(_fields(deb) for deb in debs)
    (made / "versions.json").write_text(json.dumps(found, indent=1, sort_keys=True))
    shutil.rmtree(final, ignore_errors=True)
    made.rename(final)
    main = next(package for package in found if re.fullmatch(closure.packages[0], package))
    size = sum(deb.stat().st_size for deb in debs) // 1_000_000
    _say(f"{closure.name}: {main} {found[main]}, {len(debs)} packages, {size} MB, {time.monotonic() - started:.0f} s")


def _wrap(made: Path, final: Path, patterns: tuple[str, ...]) -> None:
    """Replace programs by scripts that start them with the closure's own loader and libraries."""
    libraries = next(path.parent for path in made.glob("usr/lib/*/ld-linux*.so.*"))
    loader = final / next(libraries.glob("ld-linux*.so.*")).relative_to(made)
    folders = [
        libraries,
        libraries / "blas",
        libraries / "lapack",
        libraries / "systemd",
        *made.glob("usr/lib/postgresql/*/lib"),
    ]
    search = ":".join(str(final / path.relative_to(made)) for path in folders if path.is_dir())
    (made / "programs").mkdir()
    for path in [path for pattern in patterns for path in made.glob(pattern)]:
        (made / "programs" / path.name).symlink_to(final / path.relative_to(made))
        if path.is_symlink() or path.read_bytes()[:4] != b"\x7fELF":
            continue
        inner = path.rename(path.with_name(f".{path.name}"))
        binary = final / inner.relative_to(made)
        path.write_text(f'#!/bin/sh\nexec {loader} --library-path {search} --argv0 "$0" {binary} "$@"\n')
        path.chmod(0o755)


def _fields(deb: Path) -> tuple[str, str]:
    name, version = _run(["dpkg-deb", "-W", "--showformat=${Package} ${Version}", str(deb)]).split()
    return name, version


class _Apt:
    """An apt of our own: its own lists, an empty status (so that a closure is whole), the machine's own mirror."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("apt-get") or not KEYRING.exists():
            raise EngineMissing("extracting servers needs apt-get and the package debian-archive-keyring")
        self.folder = folder
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {SUITE} main\n")
        options = {
            "Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::Lists": folder / "lists", "Dir::State::status": folder / "status", "Dir::Cache": folder / "cache",
            "APT::Install-Recommends": "false", "APT::Sandbox::User": "root", "Debug::NoLocking": "1",
            "Acquire::Retries": "3", "Acquire::Languages": "none",
        }  # fmt: skip
        self.options = [f"-o{name}={value}" for name, value in options.items()]

    def update(self) -> None:
        _run(["apt-get", *self.options, "-qq", "update"])

    def newest(self, pattern: str) -> str:
        """Return the package of the pattern with the highest number in its name."""
        names = _run(["apt-cache", *self.options, "pkgnames"]).split()
        found = [name for name in names if re.fullmatch(pattern, name)]
        if not found:
            raise EngineMissing(f"{SUITE} has no package {pattern}")
        return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])

    def download(self, packages: list[str]) -> list[Path]:
        """Return the files of the packages and of all that they depend on; what is there is not fetched again."""
        plan = _run(["apt-get", *self.options, "-qq", "-s", "install", *packages])
        wanted = {line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")}
        _run(["apt-get", *self.options, "-qq", "-y", "--download-only", "install", *packages])
        return [deb for deb in sorted(self.folder.glob("cache/archives/*.deb")) if deb.name.split("_")[0] in wanted]


def _mirror() -> str:
    """Return the Debian mirror that this machine's apt is set to."""
    given = os.environ.get("DBMANAGER_TEST_DEBIAN_MIRROR")
    if given:
        return given
    targets = _run(["apt-get", "indextargets", "--format", "$(LABEL) $(SITE)", "Created-By: Packages"])
    sites = [line.split()[1] for line in targets.splitlines() if line.startswith("Debian ")]
    if not sites:
        raise EngineMissing("apt knows no Debian mirror; set DBMANAGER_TEST_DEBIAN_MIRROR to one")
    return sites[0]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise EngineMissing(f"{' '.join(command[:1])}: {done.stderr.strip()[-1000:]}")
    return done.stdout


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    try:
        fill(sys.argv[1:] or list(CLOSURES))
    except EngineMissing as missing:
        sys.exit(str(missing))
