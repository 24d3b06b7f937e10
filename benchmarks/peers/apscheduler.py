"""APScheduler 3 on its SQLAlchemy job store, in one process: no record is kept, and a job is deleted before it runs.

`python -m benchmarks.peers.apscheduler URL FIRES` is that process.
"""

import json
import sys
import threading
from importlib.metadata import version
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine, func, select

from benchmarks.commands import run
from benchmarks.figures import percentiles
from benchmarks.peers import Task
from cronquorum.clock import host_time

THREADS = 10  # its default
_ran: list[float] = []
_left = threading.Semaphore(0)


def measure(task: Task) -> dict[str, Any]:
    """Its figures."""
    found: dict[str, Any] = json.loads(run([sys.executable, "-m", __name__, task.url, str(task.fires)]))
    return {"version": version("apscheduler"), "how": f"SQLAlchemy store, {THREADS} threads, in-process", **found}


def noop() -> None:
    """Note when it was called."""
    _ran.append(host_time().timestamp())
    _left.release()


def main(url: str, fires: int) -> None:
    # by its module's name, which is not __main__: the store keeps a reference to the function
    from benchmarks.peers import apscheduler as this

    this.drain(url, fires)


def drain(url: str, fires: int) -> None:
    """Add jobs that are due at once to a paused scheduler, let it go, and wait until all have run."""
    store = SQLAlchemyJobStore(engine=create_engine(url.replace("postgresql:", "postgresql+psycopg2:")))
    pool = ThreadPoolExecutor(THREADS)
    scheduler = BackgroundScheduler(jobstores={"default": store}, executors={"default": pool}, timezone="UTC")
    scheduler.start(paused=True)
    due = host_time()
    for number in range(fires):
        scheduler.add_job(noop, "date", run_date=due, id=f"job-{number}", misfire_grace_time=None)
    began = host_time().timestamp()
    scheduler.resume()
    for _ in range(fires):
        _left.acquire()
    seconds = max(_ran) - began
    scheduler.shutdown()
    with store.engine.connect() as connection:
        undone = connection.scalar(select(func.count()).select_from(store.jobs_t))
    lateness = percentiles([(at - began) * 1000 for at in _ran])
    found = {"rate": round(fires / seconds, 1), "seconds": round(seconds, 3), "lateness_ms": lateness}
    print(json.dumps({**found, "wrong": [f"{undone} jobs are left"] if undone or len(_ran) != fires else []}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
