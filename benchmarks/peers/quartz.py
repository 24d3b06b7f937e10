"""Quartz, from Debian's packages, on its clustered JDBC store: `QuartzDrain.java`, compiled when it is asked for.

The jars come from the system, else from the packages, which are unpacked into the cache without being installed.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.commands import run
from benchmarks.peers import NotAvailable, Task
from tests.rig.errors import MissingPart
from tests.rig.jars import cache_folder, debian_jars

PACKAGES = ("libquartz2-java", "libhikaricp-java", "libc3p0-java", "libslf4j-java", "libpostgresql-jdbc-java")
COMPILER = "default-jdk-headless"
THREADS = 50
SOURCE = Path(__file__).with_name("QuartzDrain.java")
_JARS = ("quartz2.jar", "HikariCP.jar", "c3p0.jar", "slf4j-api.jar", "slf4j-nop.jar", "postgresql.jar")


def measure(task: Task) -> dict[str, Any]:
    """Its figures. Raises `NotAvailable`."""
    try:
        jars = debian_jars("Quartz", PACKAGES, _JARS, cache_folder() / "quartz")
    except MissingPart as missing:
        raise NotAvailable(f"apt-get install -y {' '.join(missing.packages)}") from None
    compiler, java = shutil.which("javac"), shutil.which("java")
    if compiler is None or java is None:
        raise NotAvailable(f"apt-get install -y {COMPILER}", "a Java compiler")
    with tempfile.TemporaryDirectory(prefix="cronquorum-quartz-") as classes:
        path = ":".join(map(str, jars))
        run([compiler, "-cp", path, "-d", classes, str(SOURCE)])
        url = f"jdbc:postgresql://{task.host}:{task.port}/{task.database}?user=postgres"
        said = run([java, "-Xmx512m", "-cp", f"{classes}:{path}", SOURCE.stem, url, str(task.fires), str(THREADS)])
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    doubled = found.pop("doubled")
    return {
        "version": _version(jars[0]),
        "how": f"clustered JDBC store, batches of 50, {THREADS} threads, in-process",
        **found,
        "wrong": [f"{doubled} ran twice"] if doubled else [],
    }


def _version(jar: Path) -> str:
    listed = subprocess.run(["ls", str(jar.parent)], capture_output=True, text=True, check=False).stdout.split()
    named = [name for name in listed if name.startswith("quartz2-") and name.endswith(".jar")]
    return named[0].removeprefix("quartz2-").removesuffix(".jar") if named else ""
