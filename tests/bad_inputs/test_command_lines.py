"""Command lines of the four programs: usage errors are 2, a line each, and nothing is begun."""

# ruff: noqa: E501 - tables have a row in a line

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from executor.__main__ import main as executor
from jobstore.__main__ import main as jobstore
from schedctl.__main__ import run
from scheduler.__main__ import main as scheduler
from tests.bad_inputs.conftest import Ended, Program

Main = Callable[[list[str]], int]

NODE = ["--store", "sqlite:///none.sqlite", "--zookeeper", "127.0.0.1:1"]
WORKER = ["--zookeeper", "127.0.0.1:1"]
HOST_PORT = "is not HOST:PORT such as 127.0.0.1:7400 or [::1]:7400"
LENGTH = "is not a duration such as 90s, 10m, 1h30m or 2d"
PLAIN_TEXT = "set tls.cert, tls.key and tls.ca, use 127.0.0.1, or allow it with --insecure"

SCHEDULER = {
    "nothing": ([], ["no zookeeper given: use", "no store given: use --store, CRONQUORUM_STORE, or the key"]),
    "unknown-flag": ([*NODE, "--seesion-timeout", "4s"], ["unknown flag '--seesion-timeout'; did you mean '--session-"]),
    "abbreviated": ([*NODE, "--listn", "x"], ["unknown flag '--listn'; did you mean '--listen'?"]),
    "argument": ([*NODE, "start"], ["unexpected argument 'start'"]),
    "no-value": ([*NODE, "--listen"], ["--listen: expected one argument"]),
    "executor's-flag": ([*NODE, "--slots", "4"], ["unknown flag '--slots'"]),
    "no-port": ([*NODE, "--listen", "127.0.0.1"], [f"--listen: '127.0.0.1' {HOST_PORT}"]),
    "port-70000": ([*NODE, "--listen", "127.0.0.1:70000"], ["port 70000 is not in 0-65535"]),
    "open-to-all": ([*NODE, "--listen", "0.0.0.0:0"], [f"listen: 0.0.0.0 is not loopback, and the traffic is plain text: {PLAIN_TEXT}"]),
    "open-to-all-v6": ([*NODE, "--listen", "[::]:0"], ["listen: :: is not loopback"]),
    "advertised-to-all": ([*NODE, "--advertise", "node.example:7400"], [f"advertise: node.example is not loopback, and the traffic is plain text: {PLAIN_TEXT}"]),
    "part-of-tls": ([*NODE, "--tls-cert", "a"], ["tls: no key and no ca given: cert, key and ca go together, all three or none"]),
    "tls-flag": ([*NODE, "--tls-crt", "a"], ["unknown flag '--tls-crt'; did you mean '--tls-cert'?"]),
    # these begin like loopback, and are not
    "127.example.org": ([*NODE, "--listen", "127.example.org:0"], ["listen: 127.example.org is not loopback"]),
    "localhost.example.org": ([*NODE, "--listen", "localhost.example.org:0"], ["is not loopback"]),
    "::1234": ([*NODE, "--listen", "[::1234]:0"], ["listen: ::1234 is not loopback"]),
    "session-timeout": ([*NODE, "--session-timeout", "4"], [f"--session-timeout: '4' {LENGTH}"]),
    "short-session": ([*NODE, "--session-timeout", "10ms"], ["--session-timeout: '10ms' is less than 1s"]),
    "short-lease": ([*NODE, "--lease", "5s"], ["lease: 5s is less than three session timeouts of 4s"]),
    "schema": ([*NODE, "--wait-for-schema", "300"], [f"--wait-for-schema: '300' {LENGTH}"]),
    "lookahead": ([*NODE, "--lookahead", "1h"], ["--lookahead: '1h' is more than 10m"]),
    "retention": ([*NODE, "--retention", "-1d"], ["--retention: expected one argument"]),
    "log-level": ([*NODE, "--log-level", "loud"], ["--log-level: 'loud' is not 'debug', 'info', 'warning' or 'error'"]),
    "node-id": ([*NODE, "--node-id", "a b"], ["--node-id: 'a b' is not 1 to 128 letters, digits, and . _ : @ -"]),
    "empty-node-id": ([*NODE, "--node-id", ""], ["--node-id: '' is not 1 to 128"]),
    "insecure-with-a-value": ([*NODE, "--insecure=yes"], ["--insecure: ignored explicit argument 'yes'"]),
    "in-memory": (["--store", "sqlite://", *WORKER], ["store: sqlite:// is a store in memory, of one process"]),
    "config-is-missing": (["--config", "/nowhere.toml"], ["/nowhere.toml: no such file or directory"]),
    "config-is-endless": (["--config", "/dev/zero"], ["/dev/zero: longer than 1024 KiB, so no config file"]),
    "config-is-a-folder": (["--config", "/"], ["/: is a directory"]),
}  # fmt: skip

EXECUTOR = {
    "nothing": ([], ["no zookeeper given: use --zookeeper, CRONQUORUM_ZOOKEEPER, or the key 'zookeeper' of the config"]),
    "unknown-flag": ([*WORKER, "--slot", "4"], ["unknown flag '--slot'; did you mean '--slots'?"]),
    "scheduler's-flag": ([*WORKER, "--store", "x"], ["unknown flag '--store'"]),
    "slots": ([*WORKER, "--slots", "many"], ["--slots: 'many' is not a whole number"]),
    "no-slots": ([*WORKER, "--slots", "0"], ["--slots: '0' is less than 1"]),
    "slots-negative": ([*WORKER, "--slots", "-1"], ["--slots: '-1' is less than 1"]),
    "slots-1e9": ([*WORKER, "--slots", "1000000000"], ["--slots: '1000000000' is more than 10000"]),
    "slots-nan": ([*WORKER, "--slots", "nan"], ["--slots: 'nan' is not a whole number"]),
    "kind": ([*WORKER, "--kind", "http"], ["--kind: 'http' is not 'shell', 'python' or 'kubernetes'"]),
    "label": ([*WORKER, "--label", "zone"], ["--label: 'zone' is not KEY=VALUE"]),
    "label-twice": ([*WORKER, "--label", "a=1", "--label", "a=2"], ["--label: 'a' is given twice"]),
    "label-with-a-space": ([*WORKER, "--label", "a=b c"], ["label: 'a=b c' is not key=value of letters, digits"]),
    "id": ([*WORKER, "--executor-id", "a/b"], ["executor id: 'a/b' is not 1 to 63 letters, digits, and . _ -"]),
    "open-to-all": ([*WORKER, "--listen", "0.0.0.0:0"], [f"listen: 0.0.0.0 is not loopback, and the traffic is plain text: {PLAIN_TEXT}"]),
    "advertised-to-all": ([*WORKER, "--advertise", "worker.example:7500"], [f"advertise: worker.example is not loopback, and the traffic is plain text: {PLAIN_TEXT}"]),
    "part-of-tls": ([*WORKER, "--tls-ca", "a", "--tls-key", "b"], ["tls: no cert given: cert, key and ca go together, all three or none"]),
    "advertise-all": ([*WORKER, "--advertise", "0.0.0.0:7500"], ["advertise: '0.0.0.0' is everywhere; name a host"]),
    "advertise": ([*WORKER, "--advertise", "me"], [f"--advertise: 'me' {HOST_PORT}"]),
    "short-lease": ([*WORKER, "--lease", "5s"], ["lease: 5 s is less than 3 session timeouts of 4 s"]),
    "lease": ([*WORKER, "--lease", "forever"], [f"--lease: 'forever' {LENGTH}"]),
    "drain": ([*WORKER, "--drain", "60"], [f"--drain: '60' {LENGTH}"]),
}  # fmt: skip

JOBSTORE = {
    "nothing": ([], "python -m jobstore", ["usage: python -m jobstore upgrade|check|hold --store URL"]),
    "unknown-command": (["upgrad"], "python -m jobstore", ["unknown command 'upgrad'; did you mean 'upgrade'?; usage: "]),
    "flag-first": (["--store", "x", "check"], "python -m jobstore", ["unknown command '--store'; usage: "]),
    "no-store": (["check"], "python -m jobstore check", ["no store given: use --store, CRONQUORUM_STORE"]),
    "unknown-flag": (["check", "--stor", "x"], "python -m jobstore check", ["unknown flag '--stor'; did you mean '--store'?"]),
    "argument": (["check", "x"], "python -m jobstore check", ["unexpected argument 'x'"]),
}  # fmt: skip

SCHEDCTL = {
    "nothing": ([], "usage: schedctl [OPTIONS] COMMAND"),
    "no-command-of-a-group": (["job"], "usage: schedctl job [OPTIONS] COMMAND"),
    "unknown-command": (["jb"], "schedctl: no such command 'jb'. Did you mean 'job'?"),
    "unknown-flag": (["job", "list", "--limti", "3"], "no such option: --limti (Possible options: --limit)"),
    "delete-unasked": (["job", "delete", "base"], "schedctl: nobody is there to ask: delete needs --yes"),
    "delete-nothing": (["job", "delete", "--yes"], "schedctl: missing argument 'NAME'"),
    "count-1e9": (["cron", "next", "--count", "1000000000", "0 0 3 * * ?"], "--count': '1000000000' is not a whole number in 1-10000"),
    "count-negative": (["cron", "next", "--count", "-1", "0 0 3 * * ?"], "'--count': '-1' is not a whole number in 1-10000"),
    "limit-0": (["exec", "list", "--limit", "0"], "invalid value for '--limit'"),
    "bad-cron": (["cron", "next", "0 0 25 * * ?"], 'schedctl: hours: 25 is not in 0-23 (column 5 of "0 0 25 * * ?")'),
    "bad-zone": (["cron", "next", "0 0 3 * * ?", "--zone", "Europe/Berln"], "did you mean Europe/Berlin"),
    "bad-state": (["exec", "list", "--state", "runing"], "'runing' is not one of 'pending'"),
    "bad-output": (["-o", "xml", "job", "list"], "'xml' is not one of 'table', 'json', 'yaml'"),
    "bad-endpoint": (["--endpoint", "localhost", "job", "list"], "--endpoint: 'localhost' is not HOST:PORT such as"),
    "param-without-value": (["job", "run", "base", "--param", "x"], "schedctl: --param: 'x' is not KEY=VALUE"),
    "param-twice": (["job", "run", "base", "--param", "x=1", "--param", "x=2"], "--param: 'x' is given twice"),
    "param-nan": (["job", "run", "base", "--param", "x=NaN"], "--param: x: 'NaN' is not a finite number; a text needs"),
    "param-cut-off": (["job", "run", "base", "--param", "x={"], "--param: x: '{': line 2: not YAML"),
    "timeout-without-wait": (["job", "run", "base", "--timeout", "3s"], "schedctl: --timeout is for --wait"),
    "bad-timeout": (["job", "run", "base", "--wait", "--timeout", "nan"], f"'nan' {LENGTH}"),
    "no-file": (["apply"], "schedctl: missing option '--file' / '-f'"),
    "missing-config": (["--config", "/nowhere", "job", "list"], "/nowhere: no such file or directory"),
    "dev-open-to-all": (["dev", "--listen", "0.0.0.0:0"], "--listen: 0.0.0.0 is not loopback, and the traffic is plain"),
    "dev-bad-listen": (["dev", "--listen", "here"], f"--listen: 'here' {HOST_PORT}"),
    "dev-bad-length": (["dev", "--for", "1y"], f"'1y' {LENGTH}"),
    "dev-unknown-flag": (["dev", "--slots", "4"], "no such option: --slots"),
}  # fmt: skip


def check(ended: Ended, prog: str, words: list[str], code: int = 2) -> None:
    problems = ended.problems(prog)
    assert (ended.code, ended.out) == (code, ""), ended
    assert len(problems) == len(words), problems
    for problem, part in zip(problems, words, strict=True):
        assert part in problem


@pytest.mark.parametrize(("argv", "words"), SCHEDULER.values(), ids=SCHEDULER)
def test_scheduler(argv: list[str], words: list[str], program: Program, in_empty_folder: Path) -> None:
    check(program(scheduler, *argv), "scheduler", words)


@pytest.mark.parametrize(("argv", "words"), EXECUTOR.values(), ids=EXECUTOR)
def test_executor(argv: list[str], words: list[str], program: Program, in_empty_folder: Path) -> None:
    check(program(executor, *argv), "executor", words)


@pytest.mark.parametrize(("argv", "prog", "words"), JOBSTORE.values(), ids=JOBSTORE)
def test_jobstore(argv: list[str], prog: str, words: list[str], program: Program, in_empty_folder: Path) -> None:
    check(program(jobstore, *argv), prog, words)


@pytest.mark.parametrize(("argv", "words"), SCHEDCTL.values(), ids=SCHEDCTL)
@pytest.mark.usefixtures("unchanged")
def test_schedctl(argv: list[str], words: str, schedctl: Program) -> None:
    ended = schedctl(*argv)
    first, *rest = ended.err.splitlines()
    assert (ended.code, ended.out) == (2, "")
    assert words.lower() in first.lower()
    assert first.startswith(("schedctl: ", "Usage: schedctl "))
    if first.startswith("schedctl: "):
        assert all(line.startswith("Usage: schedctl ") for line in rest)
    assert "Traceback" not in ended.err


# ---------------------------------------------------------------------- what a file's name leads to


@pytest.mark.usefixtures("unchanged")
def test_files_of_every_kind(schedctl: Program, in_empty_folder: Path) -> None:
    Path("empty").mkdir()
    Path("bytes.yaml").write_bytes(b"apiVersion: sched/v1\nkind: \xff\xfe\n")
    Path("utf16.yaml").write_text("apiVersion: sched/v1\n", encoding="utf-16")
    with Path("huge.yaml").open("wb") as file:
        file.truncate(2**30)
    Path("dangling.yaml").symlink_to("nowhere.yaml")
    expected = {
        "nowhere.yaml": "nowhere.yaml: no such file or directory",
        "/dev/zero": "/dev/zero: longer than 1024 KiB",
        "/dev/null": "/dev/null: no documents: a manifest starts with apiVersion and kind",
        "/proc/self/mem": "/proc/self/mem: input/output error",
        "empty": "empty: no .yaml, .yml, .json file in this folder",
        "bytes.yaml": "bytes.yaml: not UTF-8 text (byte 27)",
        "utf16.yaml": "utf16.yaml: not UTF-8 text (byte 0)",
        "huge.yaml": "huge.yaml: longer than 1024 KiB",
        "dangling.yaml": "dangling.yaml: no such file or directory",
        "bytes.yaml/deeper": "bytes.yaml/deeper: not a directory",
        "x" * 300: "file name too long",
    }
    for path, words in expected.items():
        check(schedctl("apply", "-f", path), "schedctl", [words], code=1)
    flags = [word for path in expected for word in ("-f", path)]
    check(schedctl("apply", *flags), "schedctl", list(expected.values()), code=1)


def test_what_dev_is_given_is_looked_at_before_anything_starts(schedctl: Program, in_empty_folder: Path) -> None:
    Path("bad.yaml").write_text("a: [")
    Path("file").write_text("")
    rows = {
        ("--apply", "nowhere.yaml"): "nowhere.yaml: no such file or directory",
        ("--apply", "bad.yaml"): "bad.yaml: line 2: not YAML: ",
        ("--data", "file/data"): "--data: file/data: not a directory",
        ("--data", "what?"): "--data: a SQLite URL ends with its path, and takes no options",
    }
    for flags, words in rows.items():
        check(schedctl("dev", "--listen", "127.0.0.1:0", *flags), "schedctl", [words], code=1)
    assert sorted(path.name for path in in_empty_folder.iterdir()) == ["bad.yaml", "file", "what?"]


def test_dev_names_the_file_of_a_wrong_job_and_leaves_nothing_running(schedctl: Program, in_empty_folder: Path) -> None:
    manifest = 'apiVersion: sched/v1\nkind: Job\nmetadata: {name: new}\nspec: {triggers: [{name: t, cron: "x"}]}\n'
    Path("bad.yaml").write_text(manifest)
    ended = schedctl("dev", "--listen", "127.0.0.1:0", "--watch", "--apply", "bad.yaml")
    assert ended.code == 1
    serving, *problems = ended.err.splitlines()
    assert serving.startswith("serving on 127.0.0.1:")
    assert problems == ["schedctl: bad.yaml: document 1 (new): spec.task: is missing"]


def test_secrets_are_warned_of_and_not_repeated(program: Program, in_empty_folder: Path) -> None:
    url = "postgresql://sched:hunter2@127.0.0.1:1/sched"
    for main, argv in (
        (jobstore, ["check", "--store", url]),
        (scheduler, ["--store", url, "--zookeeper", "127.0.0.1:1"]),
    ):
        ended = program(main, *argv)
        assert ended.code == 1
        assert "--store: a password in a flag is seen by everybody on this host; use CRONQUORUM_STORE" in ended.err
        assert "hunter2" not in ended.err + ended.out


# --------------------------------------------------------------------------------------- as processes

PROCESSES = {
    "scheduler": (["-m", "scheduler", "--seesion-timeout", "4s"], 2, "scheduler: unknown flag '--seesion-timeout'"),
    "executor": (["-m", "executor", "--slots", "0"], 2, "executor: --slots: '0' is less than 1"),
    "jobstore": (["-m", "jobstore", "check", "--store", "store.db"], 1, "a store's URL without a scheme: use postgresql"),
    "schedctl": (["-m", "schedctl", "--endpoint", "127.0.0.1:1", "job", "list"], 6, "cannot reach 127.0.0.1:1: connection"),
}  # fmt: skip


@pytest.mark.parametrize(("argv", "code", "words"), PROCESSES.values(), ids=PROCESSES)
def test_a_process_says_it_on_stderr_and_ends_with_the_code(argv: list[str], code: int, words: str) -> None:
    ended = subprocess.run([sys.executable, *argv], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_is_no_error(program: Program) -> None:
    mains: dict[str, Main] = {"scheduler": scheduler, "executor": executor, "jobstore": jobstore, "schedctl": run}
    for name, main in mains.items():
        ended = program(main, "--help")
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.lower().startswith("usage: "), name
