"""What scripts have found, in few steps; mended, each stays here as a test."""

from dataclasses import dataclass

from tests.model.kinds import Step


@dataclass(frozen=True, kw_only=True)
class Found:
    """A script that failed."""

    name: str
    script: str

    @property
    def steps(self) -> list[Step]:
        found = []
        for text in self.script.split("; "):
            kind, _, numbers = text.partition(" ")
            a, b = map(int, numbers.split(","))
            found.append(Step(kind, a, b))
        return found


FOUND = (
    Found(
        name="what was given away while its placement was on the way to the store is sent all the same",
        script="elect 0,0; apply 0,4; wait 8,0; hold_store 0,0; finish 0,1; gap 0,0; isolate 1,1; wait 14,0; "
        "rejoin 1,0; wait 0,0",
    ),
    Found(
        name="an edit gives up what is due behind the timetable's horizon, since the store has not answered for long",
        script="elect 0,0; apply 0,1; apply 1,0; unreachable 0,0; wait 4,0; die 1,0; hold_store 0,0; wait 13,0; "
        "pause 0,0",
    ),
    Found(
        name="an edit decides only the first of several due times that are overdue, and skips the rest",
        script="elect 0,0; apply 0,1; hold_store 0,0; wait 13,0; pause 0,0",
    ),
    Found(
        name="an edit decides only the first of several due times that are overdue: the rest have the new revision",
        script="elect 0,0; apply 0,0; hold_store 0,0; wait 14,0; apply 0,3; wait 9,0",
    ),
    Found(
        name="an edit that gives up missed fires writes back how often the trigger was due before",
        script="elect 0,0; apply 1,8; crash 0,2; wait 14,0; elect 0,0; pause 1,0",
    ),
    Found(
        name="what fell into a pause is lost when the leader goes after it was resumed with catch-up",
        script="elect 0,0; apply 0,8; run 0,0; pause 0,0; wait 14,0; run 0,0; resume 0,1; crash 0,2; elect 0,0",
    ),
    Found(
        name="a trigger that is edited away still waits for its execution",
        script="elect 0,0; apply 1,6; wait 1,0; apply 1,0",
    ),
    Found(
        name="a trigger that is edited away comes back into the timetable when its execution ends",
        script="elect 0,0; apply 1,6; wait 1,0; apply 1,0; finish 0,0",
    ),
    Found(
        name="the pace of a trigger that is deleted is kept for ever",
        script="elect 0,0; apply 1,2; wait 11,0; wait 2,0; hold_store 0,0; wait 7,0; wait 14,1; crash 0,0; delete 1,0",
    ),
)
