"""An executor: a process that runs tasks. For those who write tasks:

    from executor import task

    @task("nightly")
    def nightly(region, context):
        context.progress(0.4, "loading")
        return {"rows": 12}

What is imported here is light: each worker process imports it, and so do the modules of tasks.
"""

from executor.context import Context, current
from executor.tasks import task

__all__ = ["Context", "current", "task"]
