"""procrastinate: tasks deferred in PostgreSQL, and a worker that fetches them one by one.

`python -m benchmarks.peers.procrastinate URL FIRES` is the worker. The library is installed into the cache, apart from
everything else.
"""

import asyncio
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.commands import ENVIRONMENT, run
from benchmarks.figures import percentiles
from benchmarks.peers import NotAvailable, Task
from tests.rig.jars import cache_folder

PACKAGES = ("procrastinate", "psycopg[binary]")
CONCURRENCY = 32
BATCH = 1000


def measure(task: Task) -> dict[str, Any]:
    """Its figures. Raises `NotAvailable`."""
    path = f"{_folder()}:{ENVIRONMENT['PYTHONPATH']}"
    command = ["env", f"PYTHONPATH={path}", sys.executable, "-m", __name__, task.url, str(task.fires)]
    found: dict[str, Any] = json.loads(run(command).splitlines()[-1])
    return {"how": f"one worker, concurrency {CONCURRENCY}", **found}


def _folder() -> Path:
    """Where it is installed; it is, if it wasn't."""
    folder = cache_folder() / "peers" / "procrastinate"
    if not (folder / "procrastinate").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotAvailable(" ".join(command), done.stderr.strip().splitlines()[-1] if done.stderr else "")
    return folder


async def drain(url: str, fires: int) -> dict[str, Any]:
    """Defer them all, then let a worker run until nothing is left; the clock begins with the worker."""
    library = importlib.import_module("procrastinate")
    app = library.App(connector=library.PsycopgConnector(conninfo=url, max_size=20))
    ran: list[float] = []

    @app.task(name="noop")  # type: ignore[untyped-decorator]
    async def noop() -> None:
        ran.append(time.perf_counter())

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, fires, BATCH):
            await noop.batch_defer_async(*({} for _ in range(min(BATCH, fires - first))))
        began = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=CONCURRENCY, install_signal_handlers=False)
        seconds = time.perf_counter() - began
        [counts] = await app.connector.execute_query_all_async(
            "SELECT count(*) FILTER (WHERE status = 'succeeded') AS succeeded, count(*) AS all FROM procrastinate_jobs"
        )
    right = counts["succeeded"] == counts["all"] == fires == len(ran)
    return {
        "version": library.__version__,
        "rate": round(fires / seconds, 1),
        "seconds": round(seconds, 3),
        "lateness_ms": percentiles([(at - began) * 1000 for at in ran]),
        "wrong": [] if right else [f"{counts['succeeded']} of {counts['all']} succeeded, {len(ran)} ran, not {fires}"],
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drain(sys.argv[1], int(sys.argv[2])))))
