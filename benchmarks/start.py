"""What starting costs until `initialize` is answered: our server beside a bare one."""

from __future__ import annotations

from benchmarks.outcome import Outcome, Ratio
from benchmarks.place import Place
from benchmarks.timing import Sampler, rounds
from benchmarks.wire import start_cost

TARGET = 1.3
SETTING = """\
A process is started over pipes with files in the page cache, sent `initialize`, and killed as soon as the answer is \
read; CPU is user and system time of that process as the kernel counted it. Ours is `dbmanager serve` with a \
configuration of two connections, the floor a server of the same SDK with one tool that returns a constant."""


async def measure(place: Place) -> Outcome:
    """Start both servers in turn."""
    place.configure()

    async def once(kept: Sampler) -> None:
        for name, command in (("bare server", place.bare_server), ("dbmanager serve", place.our_server)):
            cost = start_cost(command, place.folder, place.environment)
            kept.add(f"{name}, CPU", "ms", cost.cpu_ms)
            kept.add(f"{name}, wall", "ms", cost.wall_ms)
            kept.add(f"{name}, resident memory", "MB", cost.memory_bytes / 1e6)

    series = await rounds(once, warm_up=2, repetitions=15)
    return Outcome(
        "start",
        "Start-up to the `initialize` answer",
        SETTING,
        series,
        ratios=(
            Ratio("dbmanager serve, CPU", "bare server, CPU", TARGET),
            Ratio("dbmanager serve, wall", "bare server, wall"),
            Ratio("dbmanager serve, resident memory", "bare server, resident memory"),
        ),
    )
