"""All kinds, by the names that manifests and `--kind` use."""

from collections.abc import Callable, Collection, Sequence

from cronquorum.clock import Clock
from executor.catalog import Catalog
from executor.config import ExecutorConfig
from executor.errors import StartError
from executor.kinds.protocol import TaskKind
from executor.kinds.python import PythonKind
from executor.kinds.shell import ShellKind


def make_kinds(config: ExecutorConfig, executor_id: str, catalog: Catalog, clock: Clock) -> Sequence[TaskKind]:
    """The kinds that the executor is to accept; a new one is added to this table and to `config.KINDS`.

    Raises `StartError`.
    """
    known: dict[str, Callable[[], TaskKind]] = {
        "shell": lambda: ShellKind(clock),
        "python": lambda: PythonKind(catalog, config.slots, clock),
        "kubernetes": lambda: _kubernetes(config, executor_id, clock),
    }
    return [known[name]() for name in dict.fromkeys(config.kinds)]


def load(kinds: Collection[str]) -> None:
    """Import what kinds need. That may take seconds, in which nobody else in the process gets far: to be done before
    contact with a coordinator is to be kept up. Raises `StartError`."""
    if "kubernetes" not in kinds:
        return
    try:
        import executor.kinds.kubernetes.kind  # noqa: F401 - an extra, and large
    except ModuleNotFoundError as error:
        if error.name != "kubernetes":
            raise
        raise StartError(
            "kind kubernetes needs the library: install cronquorum[kubernetes], or leave --kind kubernetes away"
        ) from None


def _kubernetes(config: ExecutorConfig, executor_id: str, clock: Clock) -> TaskKind:
    load(config.kinds)
    from executor.kinds.kubernetes.kind import KubernetesKind

    return KubernetesKind(config, executor_id, clock)
