"""`python -m benchmarks.bare COUNT LIMIT`: what asyncio alone can spawn, as the yardstick of shell tasks.

The standard event loop, the same argv, both output pipes, a session for each; nothing is recorded or sent. Prints how
many ended in a second.
"""

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE

ARGV = ("true",)


async def spawn(count: int, limit: int) -> float:
    """Run so many, at most `limit` at a time; returns how many a second."""
    slots = asyncio.Semaphore(limit)

    async def one() -> None:
        async with slots:
            process = await asyncio.create_subprocess_exec(
                *ARGV, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
            )
            await process.communicate()
            if process.returncode != 0:
                raise RuntimeError(f"{ARGV}: exit status {process.returncode}")

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    print(asyncio.run(spawn(int(sys.argv[1]), int(sys.argv[2]))))
