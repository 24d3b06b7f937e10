"""What the jobs of a rolling upgrade run: each run is written down by the task itself."""

import os
from pathlib import Path

from executor.context import Context
from executor.tasks import task

WORLD = "UPGRADE_WORLD"
"""Environment of an executor: the folder."""
WORK = "upgrade-work"


@task(WORK)
def work(context: Context, seconds: float = 0.0) -> None:
    """Note that it runs, and take so long."""
    # one write at the end of a file is one line, whoever else writes; no process here dies before it is on the disk
    file = os.open(Path(os.environ[WORLD]) / f"{os.getpid()}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, f"{context.execution_id} {context.attempt}\n".encode())
    finally:
        os.close(file)
    context.cancelled.wait(seconds)


def runs(folder: Path) -> list[str]:
    """The executions that ran, once for each run."""
    return [line.split()[0] for log in folder.glob("*.log") for line in log.read_text().splitlines()]
