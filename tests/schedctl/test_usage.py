"""Command lines that are wrong, the commands that need no server, and the config file."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import schedctl
from cronquorum import __version__
from tests.schedctl.conftest import CommandLine

BAD = [
    ("jb list", "no such command 'jb'. Did you mean 'job'?"),
    ("job lst", "no such command 'lst'. Did you mean 'list'?"),
    ("job list --limti 3", "no such option: --limti (Possible options: --limit)"),
    ("--endpont x job list", "no such option: --endpont (Possible options: --endpoint)"),
    ("job get", "missing argument 'NAME'"),
    ("job get a b", "got unexpected extra argument(s) (b)"),
    ("apply", "missing option '--file' / '-f'"),
    ("exec list --limit 0", "invalid value for '--limit': "),
    ("exec list --limit x", "invalid value for '--limit': "),
    ("exec list --state runing", "invalid value for '--state': 'runing' is not one of 'pending'"),
    ("-o xml job list", "'xml' is not one of 'table', 'json', 'yaml'"),
    ("job run x --wait --timeout 3x", "'3x' is not a duration such as 90s, 10m, 1h30m or 2d"),
    ("job run x --timeout 3s", "--timeout is for --wait"),
    ("--endpoint evil job list", "--endpoint: 'evil' is not HOST:PORT such as 127.0.0.1:7400"),
    ("--endpoint h:0 job list", "--endpoint: 'h:0' is not HOST:PORT"),
    ("--endpoint h:1,,h:2 job list", "--endpoint: '' is not HOST:PORT"),
    ("cron next --count -1 x", "invalid value for '--count': "),
    ("cron next --count 1000000000 x", "invalid value for '--count': "),
    ("dev --for 1y", "'1y' is not a duration"),
    ("--config /nowhere job list", "/nowhere: no such file or directory"),
]


@pytest.mark.parametrize(("line", "expected"), BAD)
def test_a_wrong_command_line_is_answered_in_a_line_with_code_2(line: str, expected: str, offline: CommandLine) -> None:
    ended = offline(*line.split())
    first, *rest = ended.err.splitlines()
    assert ended.code == 2
    assert expected in first
    assert first.startswith("schedctl: ")
    assert all(each.startswith("Usage: schedctl ") for each in rest)
    assert ended.out == ""


def test_no_command_shows_the_commands(offline: CommandLine) -> None:
    for line, known in (([], "apply"), (["job"], "describe")):
        ended = offline(*line)
        assert (ended.code, ended.out) == (2, "")
        assert known in ended.err


def test_help_is_data(offline: CommandLine) -> None:
    ended = offline("job", "run", "--help")
    assert ended.code == 0
    assert "--param KEY=VALUE" in ended.out


def test_version(offline: CommandLine) -> None:
    assert offline("version").out == f"schedctl {__version__}\n"
    assert offline("version", "-o", "yaml").out == f"version: {__version__}\n"


def test_the_config_file_gives_the_defaults_of_the_options(
    offline: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "c.toml"
    config.write_text('output = "json"\nendpoint = "evil"\n')
    assert offline("--config", str(config), "version").out.startswith("{")
    assert offline("--config", str(config), "-o", "table", "version").out.startswith("schedctl")
    assert "'evil' is not HOST:PORT" in offline("--config", str(config), "job", "list").err
    monkeypatch.setenv("CRONQUORUM_OUTPUT", "yaml")
    assert offline("--config", str(config), "version").out.startswith("version:")
    config.write_text('endpont = "evil"\noutput = "xml"\n')
    ended = offline("--config", str(config), "version")
    assert (ended.code, ended.err) == (
        2,
        f"schedctl: config key 'endpont' in {config} is unknown; did you mean 'endpoint'?\n",
    )


def test_dev_hands_its_options_on(offline: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []

    class Everything:
        @staticmethod
        def run(*given: Any) -> int:
            calls.append(given)
            return 5

    monkeypatch.setattr(schedctl, "dev", Everything, raising=False)
    config = tmp_path / "c.toml"
    config.write_text('tasks = ["a", "b"]\nlisten = "127.0.0.1:1"\n')
    assert offline("--config", str(config), "dev", "--apply", "x", "--for", "20s").code == 5
    monkeypatch.setenv("CRONQUORUM_TASKS", "c,d")
    monkeypatch.setenv("CRONQUORUM_DATA", "/d")
    assert offline("--config", str(config), "dev", "--watch").code == 5
    first, second = calls
    assert first == (None, "127.0.0.1:1", ["a", "b"], [Path("x")], timedelta(seconds=20), False)
    assert second == (Path("/d"), "127.0.0.1:1", ["c", "d"], [], None, True)
