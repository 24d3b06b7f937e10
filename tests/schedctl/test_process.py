"""What only a process of its own can show: terminals, pipes, signals, and what it imports."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from tests.rig.ports import free_port
from tests.schedctl.conftest import CommandLine
from tests.schedctl.service import Service

# A shell that runs us in the background has SIGINT ignored, and so would the child.
CODE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from schedctl.__main__ import main; main()"
)
COMMAND = [sys.executable, "-c", CODE]


def on_terminal(*argv: str, typed: bytes = b"") -> tuple[int, str]:
    """Run a command on a terminal of its own; return its code, and what was on the screen."""
    pid, screen = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], [*COMMAND, *argv])
    os.write(screen, typed)
    seen = b""
    try:
        while part := os.read(screen, 65536):
            seen += part
    except OSError:  # Linux says so when the other side is closed
        pass
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_nobody_there_is_one_line_and_code_6() -> None:
    port = free_port()
    ended = subprocess.run(
        [*COMMAND, "--endpoint", f"127.0.0.1:{port}", "job", "list"], capture_output=True, timeout=20
    )
    assert ended.returncode == 6
    why = "connection refused (is a scheduler running? set --endpoint)"
    assert ended.stderr.decode() == f"schedctl: cannot reach 127.0.0.1:{port}: {why}\n"
    assert ended.stdout == b""


def test_a_closed_pipe_ends_it_quietly(applied: CommandLine, service: Service) -> None:
    execution = service.execute(service.jobs["default", "nightly"], "succeeded")
    service.logs = [("stdout", b"x" * 65536)] * 20
    process = subprocess.Popen([*COMMAND, "exec", "logs", execution.id], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stderr
    assert process.stdout.read(10) == b"x" * 10
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 141


def test_an_interrupt_ends_it_quietly(applied: CommandLine, service: Service) -> None:
    execution = service.execute(service.jobs["default", "nightly"], "running")
    process = subprocess.Popen(
        [*COMMAND, "exec", "logs", "-f", execution.id], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    assert process.stdout.readline() == b"one\n"
    process.send_signal(signal.SIGINT)
    assert process.stderr.read() == b""
    assert process.wait(20) == 130
    process.stdout.close()
    process.stderr.close()


def test_delete_asks_on_a_terminal(applied: CommandLine, service: Service) -> None:
    code, screen = on_terminal("job", "delete", "nightly", typed=b"n\n")
    assert code == 1
    assert "Delete job default/nightly?" in screen and "schedctl: not deleted" in screen
    assert ("default", "nightly") in service.jobs
    code, screen = on_terminal("job", "delete", "nightly", typed=b"y\n")
    assert (code, ("default", "nightly") in service.jobs) == (0, False)


def test_colours_and_escapes_are_for_terminals_whose_user_wants_them(
    applied: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = service.execute(service.jobs["default", "nightly"], "failed")
    service.logs = [("stdout", b"a\x1b[2Jb\n")]
    assert "\x1b[31mfailed" in on_terminal("exec", "list")[1]
    assert "a\\x1b[2Jb" in on_terminal("exec", "logs", execution.id)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_terminal("exec", "list")[1]
    assert applied("exec", "logs", execution.id).out == "a\x1b[2Jb\n"


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from schedctl.__main__ import run; run(['--help']); "
        "print([name for name in ('grpc', 'google.protobuf', 'yaml', 'rich', 'pydantic', 'sqlalchemy') "
        "if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=True)
    assert ended.stdout.decode().splitlines()[-1] == "[]"
