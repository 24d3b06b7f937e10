"""Prometheus' rules for names and units: those that promtool checks, and ours beside them."""

import re
import subprocess
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.rig.jars import find_promtool

NAME = re.compile(r"cronquorum_[a-z0-9]+(_[a-z0-9]+)*")
LABEL = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
OF_EVERY_PROCESS = re.compile(r"process_[a-z_]+")
"""What prometheus-client tells of any process, by the names that everybody uses."""
TARGET_LABELS = {"job", "instance", "namespace", "pod", "service", "container", "endpoint", "node"}
"""Put on by whoever scrapes: one of ours of such a name would be renamed."""
NO_BASE_UNIT = re.compile(r"_(milliseconds|ms|microseconds|minutes|hours|days|kilobytes|megabytes|percent)(_|$)")
MEASURED = re.compile(r"_(duration|lateness|lag|age|remaining|offset|bytes|memory)(_|$)")
SUFFIXES = ("_count", "_sum", "_bucket", "_created", "_info")


def promtool(*words: str, given: str | None = None, cwd: Path | None = None) -> str:
    """Run promtool, which must be content; what it complains of."""
    done = subprocess.run(
        [find_promtool(), *words], input=given, capture_output=True, text=True, timeout=60, check=False, cwd=cwd
    )
    assert done.returncode == 0, f"promtool {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stderr


def problems(text: str) -> list[str]:
    """What is wrong with the names of a scrape; empty when nothing is."""
    # the parser takes the suffix away, and gives it to those that have none
    counters = re.findall(r"^# TYPE (\S+) counter$", text, re.MULTILINE)
    found = [f"{name}: a counter that does not end in _total" for name in counters if not name.endswith("_total")]
    seen: set[str] = set()
    for family in text_string_to_metric_families(text):
        name = family.name
        if name in seen:
            found.append(f"{name}: stands there twice")
        seen.add(name)
        if not family.documentation:
            found.append(f"{name}: no help")
        if OF_EVERY_PROCESS.fullmatch(name):
            continue
        if not NAME.fullmatch(name):
            found.append(f"{name}: not cronquorum_ and words in lower case")
        if family.type not in ("counter", "gauge", "histogram"):
            found.append(f"{name}: of type {family.type}")
        if family.type != "counter" and name.endswith("_total"):
            found.append(f"{name}: ends in _total, and is no counter")
        if name.endswith(SUFFIXES) and name != "cronquorum_build_info":
            found.append(f"{name}: ends as samples of histograms do")
        if NO_BASE_UNIT.search(name):
            found.append(f"{name}: not in a base unit")
        if MEASURED.search(name) and not name.endswith(("_seconds", "_bytes")):
            found.append(f"{name}: measures something, and does not end in its unit")
        labels = {label for sample in family.samples for label in sample.labels}
        wrong = [label for label in labels if not LABEL.fullmatch(label) or label in TARGET_LABELS]
        found.extend(f"{name}: label {label}" for label in wrong)
    return found
