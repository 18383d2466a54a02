"""What starting costs until `initialize` is answered: our server beside a bare one, and a loop written by hand."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import Place
from benchmarks.timing import Sampler, rounds
from benchmarks.wire import WireClient, start_cost

TARGET_AGAINST_BARE = 1.3
TARGET_AGAINST_LOOP = 3
LISTS = ("tools/list", "prompts/list", "resources/list")
SETTING = """\
A process is started over pipes with files in the page cache, sent `initialize`, and killed as soon as the answer is \
read; CPU is user and system time of that process as the kernel counted it. Ours is `dbmanager serve` with a \
configuration of two connections: as it starts for the first time (nothing kept), and later, when the answers of an \
earlier start are kept (ADR 0013). The floors are a loop over lines that knows one answer, and a server of the same SDK \
with one tool that returns a constant. "First answer of a tool" goes on to the handshake's end and one `list_connections`."""


async def measure(place: Place) -> Outcome:
    """Start the servers in turn."""
    place.configure()
    _leave_answers(place)
    loop = [sys.executable, str(Path(__file__).with_name("hand_loop.py"))]
    elsewhere = {**place.environment, "XDG_CACHE_HOME": str(place.folder / "none" / "such")}
    (place.folder / "none").write_text("no folder, so nothing is kept")

    async def once(kept: Sampler) -> None:
        for name, command, environment in (
            ("loop by hand", loop, place.environment),
            ("bare server", place.bare_server, place.environment),
            ("dbmanager serve, first start", place.our_server, elsewhere),
            ("dbmanager serve", place.our_server, place.environment),
        ):
            cost = start_cost(command, place.folder, environment)
            kept.add(f"{name}, CPU", "ms", cost.cpu_ms)
            kept.add(f"{name}, wall", "ms", cost.wall_ms)
            kept.add(f"{name}, resident memory", "MB", cost.memory_bytes / 1e6)
        with kept.time("dbmanager serve, first answer of a tool"):
            _first_answer(place)

    series = await rounds(once, warm_up=2, repetitions=15)
    return Outcome(
        "start",
        "Start-up to the `initialize` answer",
        SETTING,
        series,
        ratios=(
            Ratio("dbmanager serve, CPU", "loop by hand, CPU", TARGET_AGAINST_LOOP),
            Ratio("dbmanager serve, wall", "loop by hand, wall", TARGET_AGAINST_LOOP),
            Ratio("dbmanager serve, first start, CPU", "bare server, CPU", TARGET_AGAINST_BARE),
            Ratio("dbmanager serve, first start, wall", "bare server, wall"),
            Ratio("dbmanager serve, first start, resident memory", "bare server, resident memory"),
        ),
    )


def _leave_answers(place: Place) -> None:
    with WireClient(place.our_server, place.folder, place.environment) as client:
        client.initialize()
        for method in LISTS:
            client.request(method)
        client.request("tools/call", name="list_connections", arguments={})


def _first_answer(place: Place) -> None:
    with WireClient(place.our_server, place.folder, place.environment) as client:
        client.initialize()
        client.request("tools/call", name="list_connections", arguments={})
