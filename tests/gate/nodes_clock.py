"""A library, preloaded by nodes and executors, that bumps the wall clock of one process and all that it starts."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

from tests.gate.network import CannotMake

_FILE = "GATE_CLOCK"
_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t none = 0;
static const volatile int64_t *offset = &none;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("GATE_CLOCK");
    real = dlsym(RTLD_NEXT, "clock_gettime");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(0, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) offset = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *answer) {
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, answer);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = answer->tv_nsec + *offset % 1000000000;
        answer->tv_sec += *offset / 1000000000;
        if (ns < 0) { ns += 1000000000; answer->tv_sec--; }
        if (ns >= 1000000000) { ns -= 1000000000; answer->tv_sec++; }
        answer->tv_nsec = ns;
    }
    return result;
}

int gettimeofday(struct timeval *restrict answer, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    answer->tv_sec = now.tv_sec;
    answer->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *answer) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (answer) *answer = now.tv_sec;
    return now.tv_sec;
}
"""


class ClockShim:
    """Compiled once for a run. Without a C compiler there is none, and `bump` says so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library: Path | None = None
        folder.mkdir()
        compiler = shutil.which("cc")
        if compiler is not None:
            source, library = folder / "clock.c", folder / "clock.so"
            source.write_text(_SOURCE)
            subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
            self._library = library

    def environment(self, name: str) -> dict[str, str]:
        """What the member of this name is to be started with; its clock is right until it is bumped."""
        if self._library is None:
            return {}
        self._write(name, 0.0)
        return {"LD_PRELOAD": str(self._library), _FILE: str(self._folder / name)}

    def bump(self, name: str, seconds: float) -> None:
        """Have the member's clock be off by so much, at once. Raises `CannotMake`."""
        if self._library is None:
            raise CannotMake("no C compiler (cc) for the clock shim; run: apt-get install -y gcc libc6-dev")
        self._write(name, seconds)

    def _write(self, name: str, seconds: float) -> None:
        # in place: the processes have the file mapped
        file = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.write(file, struct.pack("=q", round(seconds * 1e9)))
        finally:
            os.close(file)
