"""The guardian: the small parent process of an executor.

It ends everything that the executor has started once the executor is dead, or was not heard of at the end of
its lease; then it starts the next incarnation, and vouches for the earlier ones. It is single-threaded and
imports little: no event loop, no gRPC, nothing of a task.

    loop         starts, watches, ends, starts again
    life         one incarnation, as its guardian sees it
    offspring    all processes below us, and their end
    packets      what guardian and executor say to each other
    notes        lines in the log
"""
