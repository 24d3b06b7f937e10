"""The store fails inside commits for a while: the term ends, the node waits, and goes on by itself."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from tests.cluster.cluster import Cluster
from tests.rig.waiting import eventually

DIARY = """
apiVersion: sched/v1
kind: Job
metadata: {name: diary}
spec:
  triggers: [{name: every-second, cron: "* * * * * ?"}]
  task: {shell: {command: 'echo "$SCHED_SCHEDULED_TIME" >> "$DIARY"'}}
  concurrency: {policy: allow}
"""

DISK_FULL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER fails BEFORE INSERT ON executions FOR EACH ROW EXECUTE FUNCTION fail();
"""


@pytest.mark.timeout(180)
def test_a_full_disk_ends_the_term_and_what_was_due_is_made_up_for(cluster: Cluster, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"

    def written() -> list[str]:
        return diary.read_text().split() if diary.exists() else []

    def sql(statements: str) -> None:
        with closing(psycopg2.connect(cluster.store)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '10s'")
            cursor.execute(statements)

    node = cluster.start_node("node-1")
    cluster.start_executor("executor-1", env={"DIARY": str(diary)})
    cluster.attached(1)
    (tmp_path / "diary.yaml").write_text(DIARY)
    cluster.schedctl("apply", "-f", str(tmp_path / "diary.yaml"))
    eventually(lambda: len(written()) >= 2, 60, "it fires")
    sql(DISK_FULL)
    node.process.wait_for_line(r'no space left on device.*"event": "not leading"')
    node.process.wait_for_line(r'"epoch": 3, "event": "leading"')  # it tries again, and again
    assert node.process.running
    before = len(written())
    sql("DROP TRIGGER fails ON executions")
    eventually(lambda: len(written()) >= before + 5, 60, "it goes on")
    cluster.schedctl("job", "pause", "diary")
    eventually(lambda: all(each["state"] == "succeeded" for each in cluster.executions()), 60, "all is settled")
    scheduled = sorted(
        datetime.fromisoformat(each["scheduledTime"].replace("Z", "+00:00")).astimezone(UTC)
        for each in cluster.executions()
    )
    # less than the misfire threshold: each was late, and none is folded into another
    assert [at.strftime("%Y-%m-%dT%H:%M:%S.000Z") for at in scheduled] == sorted(written())
    assert round((scheduled[-1] - scheduled[0]).total_seconds()) == len(scheduled) - 1
