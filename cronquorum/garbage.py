"""How often garbage in circles is looked for, in a process that holds the jobs."""

import gc

_RARELY = 50_000, 20, 50


def look_rarely() -> None:
    """Have the collector of this process look rarely: what a leader holds lives long and has no circles, and walking
    through the definitions of 50,000 jobs takes a third of a second in which nothing fires.

    It is the process's setting, so it is for a program to choose: a library does not.
    """
    gc.set_threshold(*_RARELY)
