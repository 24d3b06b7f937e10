"""Shell tasks, end to end."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from executor.attempt import Stop
from executor.process import find_program
from executor.report import OutcomeState
from tests.executor.leader import Stream
from tests.rig.waiting import eventually_async


def is_running(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in (b"Z", b"X")


def pid_in(output: bytes, name: str) -> int:
    return int(output.split(name.encode())[1].split()[0])


async def test_a_command_succeeds_with_its_output(stream: Stream) -> None:
    key = await stream.shell("echo out; echo err >&2")
    outcome = await stream.outcome(key)
    assert outcome.state == "succeeded"
    assert outcome.exit_code == 0 and outcome.HasField("exit_code")
    assert outcome.HasField("ran") and outcome.HasField("ended_age")
    assert not outcome.HasField("error") and not outcome.HasField("result")
    assert stream.output(key) == b"out\n"
    assert stream.output(key, "stderr") == b"err\n"


async def test_an_exit_code_is_a_failure_with_the_last_lines_of_stderr(stream: Stream) -> None:
    key = await stream.shell("echo out; echo bad >&2; echo luck >&2; exit 3")
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code) == ("failed", 3)
    assert (outcome.error.type, outcome.error.message) == ("exitCode", "exit code 3")
    assert outcome.error.tail == "bad\nluck"


async def test_without_stderr_the_tail_is_that_of_stdout(stream: Stream) -> None:
    key = await stream.shell("seq 5000; exit 1")
    tail = (await stream.outcome(key)).error.tail
    assert tail.endswith("\n4999\n5000")
    assert len(tail) <= 4096 and tail.splitlines()[0].isdigit() and len(tail.splitlines()[0]) == 4


async def test_killed_by_a_signal(stream: Stream) -> None:
    outcome = await stream.outcome(await stream.shell("kill -TERM $$"))
    assert (outcome.state, outcome.exit_code) == ("failed", -15)
    assert outcome.error.message == "killed by SIGTERM"


async def test_a_program_is_looked_for_in_the_path_of_its_own_environment(stream: Stream, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("folder", "text", "right", "later")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "program").mkdir()
    (folders[1] / "program").write_text("no program")
    for folder in folders[2:]:
        (folder / "program").write_text(f"#!/bin/sh\necho {folder.name} $0")
        (folder / "program").chmod(0o755)
    absolute = ":".join(["/no/such/folder", *map(str, folders)])
    for path, cwd in ((absolute, "/"), (f"{folders[0].name}:right:{absolute}", str(tmp_path))):
        shell = {"argv": ["program", "word"], "env": {"PATH": path}, "cwd": cwd}
        key = await stream.dispatch({"shell": shell})
        assert (await stream.outcome(key)).state == "succeeded"
        assert stream.output(key).startswith(b"right ")


@pytest.mark.parametrize("path", [b"", b":/usr/bin", b"bin:/usr/bin", b"/no/such/folder", b"/etc"])
def test_what_is_not_to_be_found_for_certain_stays_a_name(path: bytes) -> None:
    assert find_program(b"sh", path) == b"sh"


def test_a_program_with_a_folder_is_not_looked_for() -> None:
    assert find_program(b"./sh", b"/usr/bin") == b"./sh"
    assert find_program(b"sh", b"/no/such/folder:/bin") == b"/bin/sh"


async def test_argv_needs_no_shell(stream: Stream) -> None:
    key = await stream.dispatch({"shell": {"argv": ["echo", "$HOME", "; exit 1"]}})
    assert (await stream.outcome(key)).state == "succeeded"
    assert stream.output(key) == b"$HOME ; exit 1\n"


async def test_the_environment(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    task = {"shell": {"command": "env", "env": {"MINE": "a=b", "SCHED_JOB": "forged"}}}
    params = {"mode": "full", "dry-run": True, "n": 3, "ratio": 0.5, "none": None, "list": [1, "ä"], "t": {}}
    key = await stream.dispatch(task, params=params, key=stream.key(attempt=2))
    assert (await stream.outcome(key)).state == "succeeded"
    lines = stream.output(key).decode().splitlines()
    told = dict(line.partition("=")[::2] for line in lines if line.startswith(("SCHED_", "MINE")))
    assert told == {
        "MINE": "a=b",
        "SCHED_NAMESPACE": "default",
        "SCHED_JOB": "job",
        "SCHED_TRIGGER": "trigger",
        "SCHED_EXECUTION_ID": key.execution_id,
        "SCHED_SCHEDULED_TIME": "2023-11-14T22:13:20.123Z",
        "SCHED_ATTEMPT": "2",
        "SCHED_EPOCH": "1",
        "SCHED_PARAM_MODE": "full",
        "SCHED_PARAM_DRY_RUN": "true",
        "SCHED_PARAM_N": "3",
        "SCHED_PARAM_RATIO": "0.5",
        "SCHED_PARAM_NONE": "",
        "SCHED_PARAM_LIST": '[1,"ä"]',
        "SCHED_PARAM_T": "{}",
    }
    assert f"PATH={os.environ['PATH']}" in lines


async def test_a_parameter_never_becomes_part_of_the_command(stream: Stream, tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/evil); `touch {tmp_path}/evil`"
    key = await stream.shell('echo "$SCHED_PARAM_X"', params={"x": evil})
    assert (await stream.outcome(key)).state == "succeeded"
    assert stream.output(key).decode() == evil + "\n"
    assert not (tmp_path / "evil").exists()


async def test_stdin_is_empty_and_the_session_its_own(stream: Stream) -> None:
    key = await stream.shell("cat; echo pid $$; ps -o sid=,pgid= -p $$")
    assert (await stream.outcome(key)).state == "succeeded"
    pid, *ids = stream.output(key).split()[1:]
    assert ids == [pid, pid]


async def test_cwd(stream: Stream, tmp_path: Path) -> None:
    key = await stream.dispatch({"shell": {"command": "pwd", "cwd": str(tmp_path)}})
    await stream.outcome(key)
    assert stream.output(key).decode().strip() == str(tmp_path)


async def test_what_cannot_be_started_fails_and_never_ran(stream: Stream) -> None:
    missing = await stream.dispatch({"shell": {"argv": ["no-such-program"]}})
    folder = await stream.dispatch({"shell": {"command": "true", "cwd": "/no/such/folder"}})
    outcomes = [await stream.outcome(key) for key in (missing, folder)]
    assert [outcome.error.message for outcome in outcomes] == [
        "cannot start: 'no-such-program': no such file or directory",
        "cannot start: cwd '/no/such/folder': no such file or directory",
    ]
    for outcome in outcomes:
        assert (outcome.state, outcome.error.type) == ("failed", "cannotStart")
        assert not outcome.HasField("ran") and not outcome.HasField("exit_code")


async def test_a_timeout_ends_the_whole_group(stream: Stream) -> None:
    key = await stream.shell("sleep 600 & echo child $!; echo shell $$; wait", timeout=0.3)
    outcome = await stream.outcome(key)
    assert outcome.state == "timedOut"
    assert (outcome.error.type, outcome.error.message) == ("timeout", "did not end within 300ms")
    output = stream.output(key)
    assert not is_running(pid_in(output, "child ")) and not is_running(pid_in(output, "shell "))


async def test_what_ignores_sigterm_is_killed_after_the_grace(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.attempt.TIMED_OUT", Stop(state=OutcomeState.TIMED_OUT, grace=0.3))
    command = "trap '' TERM; sh -c 'echo child $$; exec sleep 600' & echo shell $$; wait; wait"
    key = await stream.shell(command, timeout=0.2)
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code) == ("timedOut", -9)
    output = stream.output(key)
    assert not is_running(pid_in(output, "child ")) and not is_running(pid_in(output, "shell "))


async def test_on_cancel_programs_of_a_shell_have_the_grace_to_clean_up(stream: Stream, tmp_path: Path) -> None:
    # the shell dies of SIGTERM at once; its program takes a moment
    program = f"trap 'sleep 0.3; touch {tmp_path}/clean; exit' TERM; echo ready; while :; do sleep 0.05; done"
    key = await stream.shell(f'sh -c "{program}" & wait')
    await stream.wait_output(key, b"ready")
    await stream.send(cancels=[key])
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code) == ("cancelled", -15)
    assert (tmp_path / "clean").exists()


async def test_what_a_command_leaves_in_its_group_is_ended_with_it(stream: Stream) -> None:
    key = await stream.shell("sleep 600 & echo child $!")
    outcome = await stream.outcome(key)
    assert outcome.state == "succeeded"
    assert not is_running(pid_in(stream.output(key), "child "))


async def test_a_daemon_that_holds_the_pipes_holds_up_nothing(stream: Stream, tmp_path: Path) -> None:
    up = tmp_path / "up"
    daemon = f"setsid sh -c 'echo daemon $$; touch {up}; exec sleep 600'"
    key = await stream.shell(f"{daemon} & until [ -e {up} ]; do sleep 0.01; done")
    outcome = await stream.outcome(key)
    assert outcome.state == "succeeded"
    pid = pid_in(stream.output(key), "daemon ")
    try:
        assert is_running(pid)  # it left the group: whoever does that looks after it himself
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_output_beyond_the_bound_keeps_its_begin_and_its_end(stream: Stream) -> None:
    key = await stream.shell("seq 100000")
    await stream.outcome(key)
    output = stream.output(key)
    whole = b"".join(b"%d\n" % n for n in range(1, 100001))
    head, marker, rest = output.partition(b"\n[... ")
    number, _, tail = rest.partition(b" bytes not kept ...]\n")
    assert marker and whole.startswith(head) and whole.endswith(tail)
    assert len(head) == 48 * 1024 and len(tail) == 16 * 1024
    assert int(number) == len(whole) - len(head) - len(tail)


async def test_a_flood_of_output_fills_no_memory(stream: Stream) -> None:
    key = await stream.shell("yes", timeout=0.7)
    assert (await stream.outcome(key)).state == "timedOut"
    assert len(stream.output(key)) < 66 * 1024


async def test_output_is_seen_while_the_command_runs(stream: Stream) -> None:
    key = await stream.shell("echo first; sleep 600")
    await stream.wait_output(key, b"first")
    assert not stream.find(key, "outcome")
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).state == "cancelled"


@pytest.mark.parametrize(
    ("task", "params", "message"),
    [
        ({"shell": {}}, {}, "a shell task has either a command or argv"),
        ({"shell": {"command": "a", "argv": ["a"]}}, {}, "a shell task has either a command or argv"),
        ({"shell": {"argv": [""]}}, {}, "argv: the program's name is empty"),
        ({"shell": {"command": "a\0b"}}, {}, r"command: 'a\x00b' has a NUL character"),
        ({"shell": {"command": "a", "cwd": "\0"}}, {}, r"cwd: '\x00' has a NUL character"),
        ({"shell": {"command": "a", "env": {"A=B": "c"}}}, {}, "'A=B' is no name of an environment variable"),
        ({"shell": {"command": "a", "env": {"A": "\0"}}}, {}, "the value of 'A' has a NUL character"),
        ({"shell": {"command": "a"}}, {"x": "\0"}, "the value of 'SCHED_PARAM_X' has a NUL character"),
        ({"shell": {"command": "a"}}, {"a-b": 1, "A_B": 2}, "are both 'SCHED_PARAM_A_B'"),
    ],
)
async def test_what_no_command_can_be_is_refused(
    stream: Stream, task: dict[str, object], params: dict[str, object], message: str
) -> None:
    refused = await stream.refused(await stream.dispatch(task, params=params))
    assert refused.reason == "badTask"
    assert message in refused.message


async def test_a_parameter_too_long_for_the_system_is_a_clear_failure(stream: Stream) -> None:
    outcome = await stream.outcome(await stream.shell("true", params={"x": "y" * 200_000}))
    assert outcome.error.message == "cannot start: '/bin/sh': argument list too long"


async def test_many_commands_at_once(stream: Stream) -> None:
    keys = [stream.key() for _ in range(16)]
    await stream.send(dispatches=[stream.order({"shell": {"command": f"echo {n}"}}, key) for n, key in enumerate(keys)])
    outcomes = await asyncio.gather(*(stream.outcome(key) for key in keys))
    assert {outcome.state for outcome in outcomes} == {"succeeded"}
    assert [stream.output(key) for key in keys] == [b"%d\n" % n for n in range(16)]


async def test_no_process_is_left_unreaped(stream: Stream) -> None:
    await stream.outcome(await stream.shell("true & true"))

    def zombies() -> bool:
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        return all(is_running(int(pid)) for pid in children)

    await eventually_async(zombies)
