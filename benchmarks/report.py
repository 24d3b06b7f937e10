"""The report: a table of targets and what was measured, with the machine, the date, and the peers."""

from collections.abc import Iterator
from typing import Any

from benchmarks.table import PEERS, ROWS, Found, Row

_HEAD = """\
# How fast it is

Written by `python -m benchmarks all --report docs/performance.md`; every figure is in [{raw}]({raw}). Each row starts
its own PostgreSQL (fsync on, synchronous_commit on), ZooKeeper, node and executors (256 slots) as processes, all on
one machine, and sees from the store that every fire has exactly one record, and that it succeeded: a wrong run fails.
The clock runs from the due instant. Lateness is from the scheduled time to the start, over all fires of the run.

![Measured against the targets]({picture})
"""

_NOTES = """\
## What is measured, and what is not

* A thousand other jobs run before the clock does, so that nothing is measured that happens once in a process's life.
* 'Settled' is the commit that made the last row final, as PostgreSQL dates it (`track_commit_timestamp`); on SQLite,
  when a look every 100 ms saw it.
* The start is what the record says. Beside it, in the raw figures, stands what the tasks themselves said of when they
  were called (`lateness_told_by_tasks_ms`).
* A million triggers, and ten million finished executions, are copies of one that the product wrote, made by SQL.
* `ANALYZE` runs once after the first thousand jobs, as autovacuum would within a minute.
* Traffic is plain text, but for the rows that say TLS.

## What the limits are

* **Drain**: the leader is one process under one interpreter lock, and busy all the time: 90 to 100 microseconds of its
  CPU a fire, beside 38 of PostgreSQL's and 35 of the executors'. For 15,000 a second on two cores there are 133 in
  all, and 66 for the leader. By `--profile leader` it decides and records for 30 % of its time, takes in reports for
  20 %, and sends and tells what is committed for 18 %; the writer's thread encodes for 16 %, streams to executors
  take 6 %. Within those it is spread flat: no function has more than 3 %, but for those in which other threads take
  the lock.
* **PostgreSQL** spends half of its share on indexes: settling changes what two partial indexes cover, so no update is
  HOT.
* **Lateness of 1,000 at once**: until the last has started both cores are busy with nothing else. To send an order
  costs the leader 9 microseconds, to take it in, run and report it an executor 39: together 48 ms of CPU, which two
  cores that are as fast as can be have done after 25 ms. What has ended is settled then. 512 orders leave at once,
  for so many slots there are, in 5 ms; the executors report of the first before they have taken in the last of those,
  and p50 is among the last. By samples of all processes, by the millisecond of the second in which they fell.
* **5,000 each second**: the same five times over, 120 ms at the best of this machine. A second's fires cost 1.0 to 1.35
  seconds of the two cores, and the leader alone is busy for 50 to 70 % of the second: in its slow hours a machine as
  this one has little left.
* **Herd**: the leader has 0.95 s before the instant to record 10,000 fires, one after the other: with 95 microseconds
  for each all of them are ready, and the last starts after 350 to 430 ms. In the machine's slow minutes it takes 130:
  the rest is recorded when its time has come, while executors wait, and the last starts after 500 to 1,100 ms. Which
  rounds those are changes from run to run.
* **This machine** is a virtual one whose speed is not its own: a loop of Python alone takes 0.31 to 0.63 s from one
  minute to the next, and the CPU time of a fire moves with it. Within two hours the same code drained 6,600 and 9,900
  jobs a second; with 1,000 at once its p50 / p99 were 13.3 / 27.3 and 23.8 / 54.1 ms, and one run alone took 4.6 and
  9.5 ms, as the code before it did by turns. Only runs by turns, or the CPU time of PostgreSQL beside, compare.
* **Runs through the API**: each of the 64 waits for a look at the store whether it was asked before, for two commits,
  one after the other, and for the executor between them, 32 ms in all; for 3,000 a second it would have to be 21. The
  two cores are busy for 70 % of that. A run costs 725 microseconds of CPU: 386 the leader, of which a fifth is Python
  of ours, and the rest gRPC's asyncio library, the event loop, and threads that hand the interpreter's lock to each
  other; 125 PostgreSQL, more than half of it to parse and plan commits of ten runs each; 111 the executors, and 104
  who calls. A call with nothing behind it costs its two ends up to 330 (`bare` in the raw figures).
* **Tried, without gain**: compiling the leader and the store with Cython (5 % of the leader's CPU), Python 3.13, a
  writer that waits 2 to 10 ms for larger commits, no garbage collection at all in nodes, a switch interval of the
  interpreter of 0.3 or 1 ms, `COPY` for `unnest`, fewer columns on settling, sorted keys, uvloop in executors (it
  starts a third as many processes), a rarer garbage collection in executors, a shorter switch interval there, reports
  that wait in executors while orders come in (1 to 2 ms, within the noise), larger portions of orders.
* **What gained**: frozen values without `object.__setattr__`, patterns of orders, numbers for keys, columns encoded
  as a whole, one message for a commit, recording ahead, lines of what an executor will soon have slots for (see
  [architecture.md](architecture.md)), telling the planner to count rows, not pages, keeping what an apply compiled, a
  rare garbage collection in the embedded process, and taking in what has ended when what is due has been sent: with
  5,000 each second p99 was 521 to 906 ms before, and 193 to 320 after, in runs by turns.
"""


def report(found: dict[str, Found], picture: str, raw: str) -> str:
    """The text, in Markdown."""
    return "\n".join(_lines(found, picture, raw))


def _lines(found: dict[str, Found], picture: str, raw: str) -> Iterator[str]:
    yield _HEAD.format(picture=picture, raw=raw)
    yield "| what | target | measured | reached | peers, same session |"
    yield "|---|---|---|---|---|"
    peers = found.get(PEERS.key, {}).get("peers", {})
    for row in ROWS:
        yield _row(row, found.get(row.key), _beside(peers) if row.key == "drain" else "")
    yield ""
    yield from _peers(found.get(PEERS.key))
    yield from _machine(found)
    yield _NOTES


def _row(row: Row, found: Found | None, beside: str) -> str:
    if found is None:
        return f"| {row.what} | {row.target} | not measured | | {beside} |"
    reached = "yes" if min(row.reached(found)) >= 1 else "**no**"
    wrong = f", **wrong: {'; '.join(found['wrong'])}**" if found.get("wrong") else ""
    return f"| {row.what} | {row.target} | {row.measured(found)}{wrong} | {reached} | {beside} |"


def _beside(peers: dict[str, Found]) -> str:
    return ", ".join(
        f"{name} {peer['rate']:,.0f}" if "rate" in peer else f"{name} not available" for name, peer in peers.items()
    )


def _peers(session: Found | None) -> Iterator[str]:
    if session is None:
        return
    yield "## Peers"
    yield ""
    yield f"One session on one PostgreSQL server: {session['what']}. Cronquorum: {session['rate']:,.0f} a second."
    yield ""
    yield "| peer | how | a second | Cronquorum is |"
    yield "|---|---|---|---|"
    for name, peer in session["peers"].items():
        if "rate" in peer:
            version = f"{name} {peer['version']}"
            yield f"| {version} | {peer['how']} | {peer['rate']:,.0f} | {peer['times_as_fast']:.1f} times as fast |"
        else:
            yield f"| {name} | {peer['not_available']} | | |"
    yield ""


def _machine(found: dict[str, Found]) -> Iterator[str]:
    """Of each machine and version that a figure is of: one, if all was measured together."""
    yield "## The machine"
    yield ""
    for key, one in found.items():
        machine, versions = one["machine"], one["versions"]
        yield (
            f"* {key}: {_date(machine)}, commit {versions['commit']}, load before {machine['load']}"
            f" ({machine['cores']} cores, {machine['cpu']}, {machine['memory_gb']} GB, Linux {machine['kernel']})"
        )
    if found:
        versions = next(iter(found.values()))["versions"]
        yield ""
        yield ", ".join(f"{name} {value}" for name, value in versions.items() if name != "commit")
    yield ""


def _date(machine: dict[str, Any]) -> str:
    return str(machine["date"]).replace("T", " ").replace("Z", " UTC")
