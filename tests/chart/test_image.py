"""The Dockerfile: what can be said of it without an engine that builds it."""

import re
import subprocess
import tomllib
from dataclasses import dataclass

from tests.chart.rendering import CHART, ROOT, tool

DOCKERFILE = ROOT / "Dockerfile"


@dataclass(frozen=True, kw_only=True)
class Line:
    """An instruction of a stage, continued lines joined."""

    stage: int
    word: str
    rest: str


def instructions() -> list[Line]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[Line] = []
    stage = -1
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        found.append(Line(stage=stage, word=word, rest=" ".join(rest.split())))
    return found


def of(word: str, stage: int | None = None) -> list[str]:
    return [line.rest for line in instructions() if line.word == word and stage in (None, line.stage)]


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([tool("hadolint"), DOCKERFILE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_stages_have_one_base_that_is_pinned_and_slim() -> None:
    assert of("FROM") == ["python:${PYTHON} AS build", "python:${PYTHON}"]
    (base,) = [each for each in of("ARG", -1) if each.startswith("PYTHON=")]
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-[a-z]+", base)


def test_nothing_is_compiled_and_all_versions_are_locked() -> None:
    installs = [part for line in of("RUN", 0) for part in line.split("&&") if "pip install" in part]
    assert len(installs) == 2
    for install in installs:
        assert "--only-binary=:all:" in install
        assert "-c requirements.lock" in install
    # what builds the wheel is in no lock file: all of it is named here
    assert re.findall(r'"([-a-z]+)==', installs[0]) == ["hatchling", "trove-classifiers"]
    assert not [line for line in of("RUN") if "apt-get" in line]
    assert not [line for line in of("RUN", 1) if "pip" in line]


def test_all_packages_are_in_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = {line.split()[0] for line in of("COPY", 0)} | {"requirements.lock"}
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert package.partition("/")[0] in copied
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert {word for line in of("COPY", 0) for word in line.split()[:-1]} == allowed
    assert {path for path in allowed if not (ROOT / path).exists()} == set()


def test_all_optional_parts_are_in_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = [line.partition("=")[2].strip('"').split(",") for line in of("ARG", 0) if line.startswith("EXTRAS=")]
    assert set(project["optional-dependencies"]) - {"dev"} <= set(extras)


def test_it_runs_as_nobody_special() -> None:
    (user,) = of("USER", 1)
    assert user == "10001:10001"
    (run,) = of("RUN", 1)
    assert "--uid 10001" in run and "--gid 10001" in run
    values = (CHART / "values.yaml").read_text()
    assert "runAsUser: 10001" in values and "runAsGroup: 10001" in values
    assert of("USER")[-1] == user


def test_it_says_what_it_is() -> None:
    (labels,) = of("LABEL", 1)
    for name in ("title", "description", "licenses", "version", "revision", "created"):
        assert f"org.opencontainers.image.{name}=" in labels
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"VERSION={project['version']}" in of("ARG", 1)


def test_its_ports_are_those_of_the_chart() -> None:
    assert of("EXPOSE") == ["7400 7401 7500 7501"]
