"""The rows of the report: how each is measured, what it must reach, and what to say of what was found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """`arguments` are those of `python -m benchmarks`. `reached` says how many times as good as its target each figure
    is: 1 or more is right, whether large or small is good."""

    key: str
    what: str
    arguments: tuple[str, ...]
    target: str
    measured: Callable[[Found], str]
    reached: Callable[[Found], tuple[float, ...]]


def _rate(target: float) -> dict[str, Callable[[Found], Any]]:
    return {
        "measured": lambda found: f"{found['rate']:,.0f} a second",
        "reached": lambda found: (found["rate"] / target,),
    }


def _lateness(p99: float, p50: float | None = None) -> dict[str, Callable[[Found], Any]]:
    wanted = {"p99": p99, **({"p50": p50} if p50 is not None else {})}

    def measured(found: Found) -> str:
        late = found["lateness_ms"]
        told = f"p50 {late['p50']:.1f} ms, p99 {late['p99']:.1f} ms, max {late['max']:.0f} ms"
        return told + (", **backlog grows**" if found.get("backlog_grows") else "")

    def reached(found: Found) -> tuple[float, ...]:
        ratios = [target / found["lateness_ms"][name] for name, target in wanted.items()]
        return (*ratios, 0.0) if found.get("backlog_grows") else tuple(ratios)

    return {"measured": measured, "reached": reached}


def _last(found: Found) -> float:
    return max(float(each["last_ms"]) for each in found["rounds"])


def _history(found: Found) -> str:
    removal = found["retention"]
    return (
        f"drain {found['rate']['ratio']:.2f} of the empty store's, p99 {found['p99_ms']['ratio']:.2f} of it;"
        f" retention: {removal['removed']:,} of a day's {removal['day']:,} removed in {removal['seconds']} s,"
        f" p99 {removal['lateness_ms']['p99']:.1f} ms meanwhile"
    )


def _history_reached(found: Found) -> tuple[float, ...]:
    done = 1.0 if found["retention"]["left"] == 0 else 0.0
    return found["rate"]["ratio"] / 0.9, 1.1 / found["p99_ms"]["ratio"], 1.1 / found["p50_ms"]["ratio"], done


ROWS = (
    Row(
        key="drain",
        what="drain: 50,000 one-shot jobs due at once, no-op Python task, until the last is settled",
        arguments=("drain",),
        target="15,000 a second",
        **_rate(15_000),
    ),
    Row(
        key="drain-tls",
        what="the same, mutual TLS between all parts",
        arguments=("drain", "--tls"),
        target="15,000 a second",
        **_rate(15_000),
    ),
    Row(
        key="lateness",
        what="lateness, 1,000 cron jobs each on every full second, 60 s",
        arguments=("lateness",),
        target="p50 10 ms, p99 30 ms",
        **_lateness(30, 10),
    ),
    Row(
        key="lateness-tls",
        what="the same, mutual TLS between all parts",
        arguments=("lateness", "--tls"),
        target="p50 10 ms, p99 30 ms",
        **_lateness(30, 10),
    ),
    Row(
        key="spread",
        what="1,000 fires a second spread over the second",
        arguments=("lateness", "--spread"),
        target="p50 3 ms, p99 15 ms",
        **_lateness(15, 3),
    ),
    Row(
        key="lateness-5000",
        what="5,000 cron jobs each on every full second, 60 s",
        arguments=("lateness", "--jobs", "5000"),
        target="p99 120 ms, no backlog growing",
        **_lateness(120),
    ),
    Row(
        key="herd",
        what="herd: 10,000 jobs on the same second, once a minute, 5 times",
        arguments=("herd",),
        target="last start within 500 ms",
        measured=lambda found: f"last start after {_last(found):.0f} ms at the worst",
        reached=lambda found: (500 / _last(found),),
    ),
    Row(
        key="triggers",
        what="one million triggers, 100 due a second",
        arguments=("triggers",),
        target="leader under 400 MB, p99 15 ms, first dispatch within 1 s of the epoch",
        measured=lambda found: (
            f"leader {found['leader_mb']} MB, p99 {found['lateness_ms']['p99']:.1f} ms,"
            f" first dispatch {found['epoch_to_dispatch_s']:.2f} s after the epoch"
        ),
        reached=lambda found: (
            400 / found["leader_mb"],
            15 / found["lateness_ms"]["p99"],
            1 / max(0.001, found["epoch_to_dispatch_s"]),
        ),
    ),
    Row(
        key="history",
        what="ten million finished executions in the store",
        arguments=("history",),
        target="drain and lateness within 10 % of an empty store; a day removed without blocking",
        measured=_history,
        reached=_history_reached,
    ),
    Row(
        key="idle",
        what="idle cluster, 10,000 jobs due tomorrow",
        arguments=("idle",),
        target="under 1 % of a core per process",
        measured=lambda found: ", ".join(f"{name} {value:.1f} %" for name, value in found["cpu_percent"].items()),
        reached=lambda found: (1 / max(0.01, found["most_percent"]),),
    ),
    Row(
        key="runs",
        what="manual runs through the API, 64 calls at a time, each waiting until settled",
        arguments=("runs",),
        target="3,000 a second",
        **_rate(3000),
    ),
    Row(
        key="shell",
        what="shell tasks (`true`), beside a bare asyncio loop in the same run",
        arguments=("shell",),
        target="70 % of the loop",
        measured=lambda found: (
            f"{100 * found['ratio']:.0f} % ({found['rate']:,.0f} of {max(found['bare'].values()):,.0f} a second)"
        ),
        reached=lambda found: (found["ratio"] / 0.7,),
    ),
    Row(
        key="alone",
        what="one execution alone, run through the API, until settled",
        arguments=("runs", "--calls", "1"),
        target="median under 10 ms",
        measured=lambda found: f"median {found['took_ms']['p50']:.1f} ms, p99 {found['took_ms']['p99']:.1f} ms",
        reached=lambda found: (10 / found["took_ms"]["p50"],),
    ),
    Row(
        key="sqlite",
        what="SQLite (WAL, synchronous FULL), embedded, drain of 50,000",
        arguments=("drain", "--store", "sqlite"),
        target="5,000 a second",
        **_rate(5000),
    ),
)

PEERS = Row(
    key="peers",
    what="other schedulers, the same session",
    arguments=("peers",),
    target="",
    measured=lambda found: "",
    reached=lambda found: (),
)
