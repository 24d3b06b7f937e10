"""Which functions an executor gathers, and with which errors it does not start."""

import sys
from pathlib import Path

import pytest

from executor import task
from executor.catalog import Catalog
from executor.context import current
from executor.errors import BadTasks
from tests.executor import sample
from tests.executor.sample import failing

_numbers = iter(range(1000))


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Write":
    monkeypatch.syspath_prepend(str(tmp_path))
    return Write(tmp_path)


class Write:
    """Writes modules of names that no test used before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.prefix = f"written_{next(_numbers)}"

    def __call__(self, name: str, text: str) -> str:
        path = self._folder / self.prefix / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self.prefix


def test_a_package_is_searched_whole() -> None:
    assert {"add", "nothing", "boom", "about"} <= set(Catalog.load(["tests.executor.sample"]).names)


def test_what_was_declared_elsewhere_is_not_taken() -> None:
    assert Catalog.load([]).names == []
    assert "add" not in Catalog.load([failing]).names


def test_a_function_alone() -> None:
    assert Catalog.load([sample.add_numbers, sample.plain]).names == ["add", "plain"]


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    def plain() -> None: ...

    before = dict(vars(plain))
    assert task(plain) is plain and task("other")(plain) is plain and task()(plain) is plain
    assert vars(plain) == before


@pytest.mark.parametrize("name", ["", "a b", "a:b", "ä", "x" * 200])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match="task name"):
        task(name)(lambda: None)


def test_only_functions_can_be_tasks() -> None:
    with pytest.raises(TypeError, match="@task is for functions"):
        task("x")(int)
    with pytest.raises(BadTasks, match="neither a module nor a function"):
        Catalog.load([int])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(1)", "SystemExit: 1"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("raise RuntimeError('one\\ntwo')", "RuntimeError: one"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_in_one_line(write_module: Write, text: str, error: str) -> None:
    package = write_module("__init__", "")
    write_module("inner", text)
    with pytest.raises(BadTasks) as raised:
        Catalog.load([package])
    message = str(raised.value)
    assert message.startswith(f"cannot import task module '{package}.inner': {error}") and "\n" not in message


def test_a_program_in_a_package_is_not_run(write_module: Write) -> None:
    package = write_module("__init__", "")
    write_module("__main__", "raise SystemExit('ran')")
    Catalog.load([package])


def test_two_tasks_of_one_name_are_refused(write_module: Write) -> None:
    package = write_module("__init__", "")
    for name in ("a", "b"):
        write_module(name, "from executor import task\n@task('same')\ndef f(): pass\n")
    with pytest.raises(BadTasks) as raised:
        Catalog.load([package])
    assert str(raised.value) == f"two tasks are called 'same': {package}.a:f and {package}.b:f"


def test_a_module_that_is_given_twice_is_taken_once() -> None:
    assert Catalog.load([sample, "tests.executor.sample", sample.add_numbers]).find("add")


def test_no_task_runs_in_a_test() -> None:
    with pytest.raises(RuntimeError, match="no task runs here"):
        current()


def test_a_worker_imports_little() -> None:
    """What each worker process pays at its start."""
    import subprocess

    program = "import executor.kinds.worker, sys; print([m for m in ('grpc', 'pydantic', 'kazoo') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
