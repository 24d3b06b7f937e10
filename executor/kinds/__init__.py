"""The kinds of tasks that executors run: each a module here, behind `protocol.TaskKind`."""
