"""The options that all benchmarks of a cluster have."""

import argparse
from collections.abc import Callable
from math import isfinite

from benchmarks.rig import Shape

SETTLE = 10.0
"""Longer than the look-ahead of the timetable, so that what is due is read as it would be in a cluster that runs."""


def at_least_one(text: str) -> int:
    """What an option counts: 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def divisor_of(whole: int) -> Callable[[str], int]:
    """The same for one that divides another number."""

    def divisor(text: str) -> int:
        if whole % at_least_one(text):
            raise argparse.ArgumentTypeError(f"{text} does not divide {whole}")
        return at_least_one(text)

    return divisor


def seconds(text: str) -> float:
    """A time above 0."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not (isfinite(found) and found > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return found


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """What stands on the machine."""
    parser.set_defaults(store="postgresql")
    parser.add_argument("--executors", type=at_least_one, default=2, metavar="N")
    parser.add_argument("--slots", type=at_least_one, default=256, metavar="N", help="of each executor")
    parser.add_argument("--tls", action="store_true", help="mutual TLS between all parts, with new certificates")
    parser.add_argument(
        "--settle", type=seconds, default=SETTLE, metavar="SECONDS", help="between the last Apply and the clock's start"
    )


def add_concurrency_option(parser: argparse.ArgumentParser) -> None:
    """Of jobs that fire so often that a slow cluster makes them overlap: by default that is a wrong run."""
    parser.add_argument("--concurrency", choices=("skip", "allow"), default="skip", help="policy of the jobs")


def shape(options: argparse.Namespace) -> Shape:
    """The same, for a rig."""
    if options.tls and options.store == "sqlite":
        raise SystemExit("--tls: with --store sqlite everything is one process, on loopback")
    return Shape(store=options.store, executors=options.executors, slots=options.slots, tls=options.tls)
