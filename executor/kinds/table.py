"""All kinds, by the names that manifests and `--kind` use."""

from collections.abc import Callable, Sequence

from cronquorum.clock import Clock
from executor.catalog import Catalog
from executor.config import ExecutorConfig
from executor.kinds.protocol import TaskKind
from executor.kinds.python import PythonKind
from executor.kinds.shell import ShellKind


def make_kinds(config: ExecutorConfig, catalog: Catalog, clock: Clock) -> Sequence[TaskKind]:
    """The kinds that the executor is to accept; a new one is added to this table and to `config.KINDS`."""
    known: dict[str, Callable[[], TaskKind]] = {
        "shell": lambda: ShellKind(clock),
        "python": lambda: PythonKind(catalog, config.slots, clock),
    }
    return [known[name]() for name in dict.fromkeys(config.kinds)]
