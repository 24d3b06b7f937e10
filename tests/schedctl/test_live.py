"""The live view."""

import io
from datetime import timedelta

from rich.console import Console

from schedapi.v1.job_pb2 import Job
from schedctl.live import render, result_text
from tests.schedctl.service import EPOCH, Service


def shown(*given: object, **named: object) -> list[str]:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(render(*given, **named))  # type: ignore[arg-type]  # passed through as given
    file = console.file
    assert isinstance(file, io.StringIO)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_it_shows_next_fires_latest_executions_and_totals() -> None:
    service = Service()
    jobs = []
    for name, seconds in (("later", 90), ("soon", 5)):
        job = Job()
        job.metadata.namespace, job.metadata.name = "default", name
        job.spec.triggers.add(name="t", cron="0/5 * * * * ?")
        job.status.state = "active"
        job.status.next_fire.FromDatetime(EPOCH + timedelta(seconds=seconds))
        jobs.append(job)
    jobs[0].status.last_execution.id = "x"
    jobs[0].status.last_execution.state = "failed"
    executions = [service.execute(jobs[0], "succeeded"), service.execute(jobs[1], "failed")]
    executions.append(service.execute(jobs[1], "pending"))
    counts = {"succeeded": 1, "failed": 1, "lost": 0}
    assert shown(jobs, executions, now=EPOCH, counts=counts, limit=2) == [
        "JOB            SCHEDULE       NEXT FIRE           LAST",
        "default/soon   0/5 * * * * ?  02:30:05Z in 5s     -",
        "default/later  0/5 * * * * ?  02:31:30Z in 1m30s  failed",
        "",
        "FIRE       JOB            TRIGGER  STATE      ATTEMPT  TOOK  RESULT",
        '02:31:00Z  default/later  manual   succeeded  1        2.5s  {"rows": 3}',
        "02:32:00Z  default/soon   manual   failed     1        2.5s  exit code 2",
        "",
        "1 succeeded, 1 failed",
    ]


def test_schedules_leave_room_for_the_other_columns() -> None:
    job = Job()
    job.metadata.namespace, job.metadata.name = "default", "many"
    job.spec.triggers.add(name="a", manual=True)
    for number in range(9):
        job.spec.triggers.add(name=f"b{number}").interval.every = "90s"
    assert shown([job], [], now=EPOCH)[1] == (
        "default/many  manual, every 90s, every 90s, every 90s, ever...  -          -"
    )


def test_a_record_says_what_it_stands_for() -> None:
    skipped = Service().execute(Job(), "skipped")
    skipped.reason, skipped.missed.count = "misfire", 18
    assert result_text(skipped) == "misfire; stands for 18"
    skipped.reason = ""
    assert result_text(skipped) == "stands for 18"


def test_results_are_short_and_do_nothing_to_the_terminal() -> None:
    execution = Service().execute(Job(), "failed")
    execution.error.message = "\x1b[2J" + "x" * 100
    assert result_text(execution).startswith("\\x1b[2Jxxx")
    assert len(result_text(execution)) == 60
