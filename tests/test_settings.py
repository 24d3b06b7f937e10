"""Settings from flags, environment and file; and the logs that every process sets up beside them."""

import io
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, ValidationError

from cronquorum import logs
from cronquorum.certificates import TlsFiles
from cronquorum.settings import Duration, HostPort, Section, Settings, split_host_port
from cronquorum.transport import TlsSection


class Defaults(Section):
    timeout: Duration | None = None
    max_attempts: int = Field(1, ge=1, le=100)


class Kept(Section):
    in_short = ("good", "bad")

    good: Duration = timedelta(days=30)
    bad: Duration = timedelta(days=90)
    rooms: dict[str, str] = Field(default_factory=dict)


class Example(Settings):
    zookeeper: str = Field(description="where ZooKeeper is")
    listen: HostPort = Field("127.0.0.1:7500", description="where to listen")
    session_timeout: Duration = Field(timedelta(seconds=4), description="100% of it", ge=timedelta(seconds=1))
    slots: int = Field(16, ge=1, le=1000, description="how many at once")
    share: float = 0.5
    tasks: tuple[str, ...] = Field((), description="modules")
    label: dict[str, str] = Field(default_factory=dict, description="what it has")
    data: Path | None = None
    insecure: bool = False
    level: Literal["debug", "info"] = "info"
    defaults: Defaults = Defaults()
    kept: Kept = Field(Kept(), description="for how long")


class Secured(Settings):
    tls: TlsSection = TlsSection()


def load(*argv: str, environ: dict[str, str] | None = None, also_known: frozenset[str] = frozenset()) -> Example:
    return Example.load(argv, prog="executor", description="An executor.", environ=environ or {}, also_known=also_known)


SHORT = Kept(good=timedelta(days=1), bad=timedelta(days=1))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", Kept()),
        ('kept = "1d"', SHORT),
        ('[kept]\ngood = "1d"', Kept(good=timedelta(days=1))),
        ('[kept]\nbad = "1d"\ngood = "1d"\nrooms = {a = "b"}', Kept(**{**dict(SHORT), "rooms": {"a": "b"}})),
    ],
)
def test_a_section_in_short_is_one_value_for_several_of_its_settings(
    content: str, expected: Kept, config: Path
) -> None:
    config.write_text(f'zookeeper = "z:1"\n{content}')
    assert load("--config", str(config)).kept == expected


def test_a_section_in_short_has_a_flag_and_variables(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('zookeeper = "z:1"\nkept = "1d"')
    environ = {"CRONQUORUM_KEPT__BAD": "2d"}
    assert load("--config", str(config), environ=environ).kept == Kept(good=timedelta(days=1), bad=timedelta(days=2))
    assert load("--zookeeper", "z:1", environ={"CRONQUORUM_KEPT": "1d"}).kept == SHORT
    assert load("--config", str(config), "--kept", "3d", environ=environ).kept == Kept(
        good=timedelta(days=3), bad=timedelta(days=3)
    )
    with pytest.raises(SystemExit):
        load("--zookeeper", "z:1", "--kept", "long")
    # once, though it is wrong for both
    assert capsys.readouterr().err.count("--kept: 'long' is not a duration") == 1


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "x.toml"


def test_each_setting_is_a_flag_a_variable_and_a_key(config: Path) -> None:
    config.write_text(
        'zookeeper = "z:1"\nlisten = "[::1]:80"\nsession_timeout = "5s"\nslots = 3\nshare = 1\n'
        'tasks = ["a", "b"]\ndata = "/d"\ninsecure = true\n'
        'level = "debug"\nlabel = {zone = "a"}\n[defaults]\ntimeout = "1h"\n'
    )
    flags = (
        "--zookeeper z:1 --listen [::1]:80 --session-timeout 5s --slots 3 --share 1 "
        "--tasks a --tasks b --data /d --insecure --level debug --label zone=a"
    )
    variables = {
        "CRONQUORUM_ZOOKEEPER": "z:1",
        "CRONQUORUM_LISTEN": "[::1]:80",
        "CRONQUORUM_SESSION_TIMEOUT": "5s",
        "CRONQUORUM_SLOTS": "3",
        "CRONQUORUM_SHARE": "1",
        "CRONQUORUM_TASKS": "a, b",
        "CRONQUORUM_DATA": "/d",
        "CRONQUORUM_INSECURE": "true",
        "CRONQUORUM_LEVEL": "debug",
        "CRONQUORUM_LABEL": "zone=a",
        "CRONQUORUM_DEFAULTS__TIMEOUT": "1h",
    }
    expected = Example(
        zookeeper="z:1",
        listen="[::1]:80",
        session_timeout=timedelta(seconds=5),
        slots=3,
        share=1.0,
        tasks=("a", "b"),
        label={"zone": "a"},
        data=Path("/d"),
        insecure=True,
        level="debug",
        defaults=Defaults(timeout=timedelta(hours=1)),
    )
    assert load("--config", str(config)) == expected
    assert load(environ={"CRONQUORUM_CONFIG": str(config)}) == expected
    assert load(environ=variables) == expected
    by_flags = load(*flags.split(), environ={"CRONQUORUM_DEFAULTS__TIMEOUT": "1h"})
    assert by_flags == expected


def test_a_section_with_flags_of_its_own(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = TlsFiles(cert=Path("/c"), key=Path("/k"), ca=Path("/a"))
    config.write_text('[tls]\ncert = "/c"\nkey = "/k"\nca = "/a"\n')
    single = {"CRONQUORUM_TLS_CERT": "/c", "CRONQUORUM_TLS_KEY": "/k", "CRONQUORUM_TLS_CA": "/a"}
    double = {name.replace("TLS_", "TLS__"): value for name, value in single.items()}

    def read(*argv: str, environ: dict[str, str] | None = None) -> Secured:
        return Secured.load(argv, prog="node", description="A node.", environ=environ or {})

    assert read("--config", str(config)).tls.files == files
    assert read(*["--tls-cert", "/c", "--tls-key=/k", "--tls-ca", "/a"]).tls.files == files
    assert read(environ=single).tls.files == read(environ=double).tls.files == files
    assert read("--tls-ca", "/b", "--config", str(config), environ={"CRONQUORUM_TLS_KEY": "/x"}).tls == TlsSection(
        cert=Path("/c"), key=Path("/x"), ca=Path("/b")
    )
    assert read().tls.files is None
    for words, environ, expected in (
        ("--tls /c", {}, "node: unknown flag '--tls'"),
        ("--tls-crt /c", {}, "node: unknown flag '--tls-crt'; did you mean '--tls-cert'?"),
        ("", {"CRONQUORUM_TLS": "/c"}, "node: environment variable CRONQUORUM_TLS is unknown"),
        ("", {"CRONQUORUM_TLS_CRT": "/c"}, "CRONQUORUM_TLS_CRT is unknown; did you mean 'CRONQUORUM_TLS_CERT'?"),
        (
            "--tls-key /k",
            {"CRONQUORUM_TLS_CA": "/a"},
            "node: tls: no cert given: cert, key and ca go together, all three",
        ),
        ("--tls-cert /c", {}, "node: tls: no key and no ca given: cert, key and ca go together, all three or none"),
    ):
        with pytest.raises(SystemExit) as raised:
            read(*words.split(), environ=dict(environ))
        assert raised.value.code == 2
        assert expected in capsys.readouterr().err


def test_a_flag_wins_over_the_variable_and_the_variable_over_the_file(config: Path) -> None:
    config.write_text('zookeeper = "file"\nslots = 1\nlevel = "debug"\ninsecure = true\n[defaults]\nmax_attempts = 2\n')
    environ = {
        "CRONQUORUM_SLOTS": "2",
        "CRONQUORUM_ZOOKEEPER": "variable",
        "CRONQUORUM_DEFAULTS__TIMEOUT": "9s",
    }
    found = load("--config", str(config), "--zookeeper=flag", "--no-insecure", environ=environ)
    assert (found.zookeeper, found.slots, found.level, found.insecure) == ("flag", 2, "debug", False)
    assert found.defaults == Defaults(timeout=timedelta(seconds=9), max_attempts=2)
    assert found.session_timeout == timedelta(seconds=4)


def test_settings_are_frozen_and_the_constructor_reads_no_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRONQUORUM_SLOTS", "99")
    found = Example(zookeeper="z")
    assert found.slots == 16
    name = "slots"
    with pytest.raises(ValidationError):
        setattr(found, name, 3)


BAD_FLAGS = [
    (
        "",
        "no zookeeper given: use --zookeeper, CRONQUORUM_ZOOKEEPER, or the key 'zookeeper' of the config",
    ),
    ("--seesion-timeout 4s", "unknown flag '--seesion-timeout'; did you mean '--session-timeout'?"),
    ("--session 4s", "unknown flag '--session'"),
    ("stray", "unexpected argument 'stray'"),
    ("--slots", "--slots: expected one argument"),
    ("--session-timeout abc", "--session-timeout: 'abc' is not a duration such as 90s, 10m, 1h30m or 2d"),
    ("--session-timeout 1ms", "--session-timeout: 1ms is less than 1 second"),
    ("--slots x", "--slots: 'x' is not a whole number"),
    ("--slots 1.5", "--slots: '1.5' is not a whole number"),
    ("--slots -3", "--slots: '-3' is less than 1"),
    ("--slots 1001", "--slots: '1001' is more than 1000"),
    ("--slots " + "9" * 5000, "is not a whole number"),
    ("--share half", "--share: 'half' is not a number"),
    ("--level loud", "--level: 'loud' is not 'debug' or 'info'"),
    ("--label zone", "--label: 'zone' is not KEY=VALUE"),
    ("--label a=1 --label a=2", "--label: 'a' is given twice"),
    ("--listen evil", "--listen: 'evil' is not HOST:PORT such as 127.0.0.1:7400 or [::1]:7400"),
    ("--listen h:70000", "--listen: 'h:70000': port 70000 is not in 0-65535"),
    ("--listen ::1:80", "is not HOST:PORT"),
    ("--listen [::g]:80", "is not HOST:PORT"),
    ("--listen :80", "is not HOST:PORT"),
    ("--listen h:-1", "is not HOST:PORT"),
    ("--listen h:\uff18\uff10", "is not HOST:PORT"),
    ("--config /dev/zero", "/dev/zero: longer than 1024 KiB"),
    ("--config /", "/: is a directory"),
    ("--config /nowhere/x.toml", "/nowhere/x.toml: no such file or directory"),
]


@pytest.mark.parametrize(("flags", "expected"), BAD_FLAGS)
def test_a_bad_flag_is_answered_in_one_line(flags: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load(*flags.split(), *(["--zookeeper", "z"] if flags else []))
    line = capsys.readouterr().err
    assert ended.value.code == 2
    assert line.startswith("executor: ") and expected in line
    assert line.count("\n") == 1


BAD_VARIABLES = [
    ("SLOTS", "x", "environment variable CRONQUORUM_SLOTS: 'x' is not a whole number"),
    ("FOO", "1", "environment variable CRONQUORUM_FOO is unknown"),
    (
        "SESION_TIMEOUT",
        "1",
        "environment variable CRONQUORUM_SESION_TIMEOUT is unknown; did you mean 'CRONQUORUM_SESSION_",
    ),
    ("INSECURE", "maybe", "environment variable CRONQUORUM_INSECURE: 'maybe' is not true or false"),
    ("LABEL", "a=1,b", "environment variable CRONQUORUM_LABEL: 'b' is not KEY=VALUE"),
    ("DEFAULTS", "1", "environment variable CRONQUORUM_DEFAULTS is unknown"),
    ("DEFAULTS__TIMEOUT", "1", "environment variable CRONQUORUM_DEFAULTS__TIMEOUT: '1' is not a duration"),
    ("DEFAULTS__MAX_ATTEMPTS", "101", "CRONQUORUM_DEFAULTS__MAX_ATTEMPTS: '101' is more than 100"),
    ("SLOTS__X", "1", "environment variable CRONQUORUM_SLOTS__X is unknown"),
]


@pytest.mark.parametrize(("name", "value", "expected"), BAD_VARIABLES)
def test_a_bad_variable_is_answered_in_one_line(
    name: str, value: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        load("--zookeeper", "z", environ={f"CRONQUORUM_{name}": value, "PATH": "x"})
    line = capsys.readouterr().err
    assert expected in line
    assert line.count("\n") == 1


def test_variables_of_others_are_passed_over() -> None:
    environ = {"CRONQUORUM_CACHE": "x", "CRONQUORUM_ENDPOINT": "x", "CRONQUORUM_STORE": "x", "OTHER": "x"}
    assert load("--zookeeper", "z", environ=environ, also_known=frozenset({"store"})).slots == 16


BAD_FILES = [
    (
        'seesion_timeout = "4s"',
        "config key 'seesion_timeout' in {} is unknown; did you mean 'session_timeout'?",
    ),
    (
        'session-timeout = "4s"',
        "config key 'session-timeout' in {} is unknown; did you mean 'session_timeout'?",
    ),
    (
        "[defaults]\ntimeot = 1",
        "config key 'defaults.timeot' in {} is unknown; did you mean 'defaults.timeout'?",
    ),
    ("[default]\ntimeout = 1", "config key 'default' in {} is unknown"),
    ("session_timeout = 4", "config key 'session_timeout' in {}: 4 is not a duration such as '90s'"),
    ('session_timeout = "4"', "config key 'session_timeout' in {}: '4' is not a duration such as 90s"),
    ("slots = true", "config key 'slots' in {}: true is not what it takes"),
    ("slots = 1.5", "config key 'slots' in {}: 1.5 is not a whole number"),
    ("share = nan", "config key 'share' in {}: nan is not a number"),
    ("data = 1", "config key 'data' in {}: 1 is not a path"),
    ('tasks = "a"', "config key 'tasks' in {}: 'a' is not a list"),
    ("tasks = [1]", "config key 'tasks' in {}: 1 is not a text"),
    ('label = "a=b"', "config key 'label' in {}: 'a=b' is not a table"),
    ("label = {a = 1}", "config key 'label' in {}: 1 is not a text"),
    ("defaults = 1", "config key 'defaults' in {}: 1 is not a table"),
    ("[defaults]\nmax_attempts = 0", "config key 'defaults.max_attempts' in {}: 0 is less than 1"),
    ("slots = ", "{} line 1: not TOML: Invalid value"),
    ("slots = 1\nslots = 2", "{} line 2: not TOML: Cannot overwrite a value"),
    ("x = " + "[" * 20000, "{}: not TOML"),
]


@pytest.mark.parametrize(("content", "expected"), BAD_FILES)
def test_a_bad_file_is_answered_in_one_line(
    content: str, expected: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(content)
    with pytest.raises(SystemExit):
        load("--zookeeper", "z", "--config", str(config))
    line = capsys.readouterr().err
    assert expected.format(config) in line
    assert line.count("\n") == 1


def test_a_file_that_is_not_text_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_bytes(b'zookeeper = "\xff"')
    with pytest.raises(SystemExit):
        load("--config", str(config))
    assert "not UTF-8 text (byte 13)" in capsys.readouterr().err


def test_all_that_is_wrong_is_said_at_once(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('slots = "x"\nlevel = "loud"\n')
    with pytest.raises(SystemExit):
        load("--config", str(config), "--listen", "evil")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("executor: ") for line in lines)


def test_help_has_the_descriptions_and_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert "--session-timeout DURATION 100% of it (default: 4s)" in text
    assert "--zookeeper TEXT where ZooKeeper is (required)" in text
    assert "--listen HOST:PORT where to listen (default: 127.0.0.1:7500)" in text
    assert "--label KEY=VALUE what it has; may be given several times" in text


def test_a_password_is_warned_of_in_a_flag_and_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert load("--zookeeper", "postgresql://u:secret@h/d").zookeeper == "postgresql://u:secret@h/d"
    assert "--zookeeper: a password in a flag" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        load("--zookeeper", "z", "--listen", "postgresql://u:secret@h/d")
    assert "secret" not in capsys.readouterr().err


def test_host_and_port_are_taken_apart() -> None:
    assert split_host_port("[::1]:7400") == ("::1", 7400)
    assert split_host_port("node-a.example:0") == ("node-a.example", 0)


def test_logs_are_json_lines_with_bound_facts_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    log = logs.get_logger("scheduler.leader", node="a")
    logs.configure(stream=stream)
    log.info("elected", epoch=7)
    log.debug("not said")
    logging.getLogger("kazoo.client").info("not said")
    logging.getLogger("kazoo.client").warning("lost %s", "it")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("failed")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["elected", "lost it", "failed"]
    assert lines[0] | {"timestamp": ""} == {
        "event": "elected",
        "level": "info",
        "logger": "scheduler.leader",
        "node": "a",
        "epoch": 7,
        "timestamp": "",
    }
    assert lines[0]["timestamp"].endswith("Z")
    assert "ValueError: why" in lines[2]["exception"]
