"""Where Java, ZooKeeper's jars and promtool come from: the system, or Debian's packages unpacked into a cache."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.rig.errors import MissingPart

JAVA_PACKAGE = "default-jre-headless"
PACKAGES = ("libzookeeper-java", "libslf4j-java", "libdropwizard-metrics-java", "libsnappy-java")
# snappy-java: without it the server answers 'imok', and then drops the first session
_JARS = (
    "zookeeper.jar",
    "zookeeper-jute.jar",
    "slf4j-api.jar",
    "slf4j-simple.jar",
    "metrics-core.jar",
    "snappy-java.jar",
)
NETTY_PACKAGES = ("libnetty-java",)
_NETTY_JARS = tuple(
    f"netty-{name}.jar"
    for name in (
        "buffer",
        "codec",
        "common",
        "handler",
        "resolver",
        "transport",
        "transport-native-epoll",
        "transport-native-unix-common",
    )
)
_REPOSITORY = Path(__file__).resolve().parents[2]
_SYSTEM = Path("/usr/share/java")


def find_java() -> str:
    """The ``java`` command. Raises MissingPart."""
    java = shutil.which("java")
    if java is None:
        raise MissingPart("Java", JAVA_PACKAGE)
    return java


def cache_folder() -> Path:
    """``$CRONQUORUM_CACHE``, else ``~/.cache/cronquorum``, else the repository's ``.cache``.

    It is made when it isn't there.
    """
    if named := os.environ.get("CRONQUORUM_CACHE"):
        folder = Path(named)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    home = os.environ.get("HOME", "")
    if Path(home).is_absolute():
        folder = Path(home) / ".cache" / "cronquorum"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            pass
        else:
            if os.access(folder, os.W_OK):
                return folder
    folder = _REPOSITORY / ".cache"
    folder.mkdir(exist_ok=True)
    return folder


def zookeeper_jars(*, tls: bool = False) -> list[Path]:
    """The jars of a ZooKeeper server; with those for TLS, if asked. Raises MissingPart when they can't be had."""
    jars = debian_jars("ZooKeeper", PACKAGES, _JARS, cache_folder() / "zookeeper")
    if tls:
        jars += debian_jars("ZooKeeper's TLS", NETTY_PACKAGES, _NETTY_JARS, cache_folder() / "netty")
    return jars


def debian_jars(part: str, packages: Sequence[str], names: Sequence[str], cached: Path) -> list[Path]:
    """Jars of Debian's packages: the system's, else those in ``cached``, which is filled when it lacks them.

    Raises MissingPart when they can't be had.
    """
    jars = [_SYSTEM / name for name in names]
    if all(jar.is_file() for jar in jars):
        return jars
    return debian_files(part, packages, [f"usr/share/java/{name}" for name in names], cached)


def find_promtool() -> Path:
    """Prometheus' own checker of metrics and rules. Raises MissingPart when it can't be had."""
    return _prometheus("promtool")


def find_prometheus() -> Path:
    """The ``prometheus`` server. Raises MissingPart when it can't be had."""
    return _prometheus("prometheus")


def _prometheus(command: str) -> Path:
    if (found := shutil.which(command)) is not None:
        return Path(found)
    return debian_files(command, ("prometheus",), (f"usr/bin/{command}",), cache_folder() / "prometheus")[0]


def debian_files(part: str, packages: Sequence[str], paths: Sequence[str], cached: Path) -> list[Path]:
    """Files of Debian's packages, unpacked in ``cached``, which is filled when it lacks them.

    Raises MissingPart when they can't be had.
    """
    files = [cached / path for path in paths]
    if not all(file.is_file() for file in files):
        _download(part, packages, paths, cached)
    return files


def _download(part: str, packages: Sequence[str], paths: Sequence[str], destination: Path) -> None:
    """Unpack ``packages`` into ``destination``, which appears only when it is complete."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise MissingPart(part, *packages, detail=f"(it can't be downloaded without {tool})")
    with tempfile.TemporaryDirectory(prefix=f"{destination.name}-", dir=destination.parent) as scratch:
        downloads, unpacked = Path(scratch, "downloads"), Path(scratch, "unpacked")
        downloads.mkdir()
        # as root, apt would warn that its own user can't write here
        sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
        _run(part, packages, ["apt-get", *sandbox, "download", *packages], downloads)
        for package in downloads.glob("*.deb"):
            _run(part, packages, ["dpkg-deb", "-x", str(package), str(unpacked)], downloads)
        missing = [path for path in paths if not (unpacked / path).is_file()]
        if missing:
            raise MissingPart(part, *packages, detail=f"(Debian's packages lack {', '.join(missing)})")
        try:
            unpacked.rename(destination)
        except OSError:
            if not destination.is_dir():  # else somebody else was faster, with the same files
                raise


def _run(part: str, packages: Sequence[str], command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        advice = "If apt-get doesn't know them, run first: apt-get update"
        raise MissingPart(part, *packages, detail=f"{advice}\n{' '.join(command)} said:\n{done.stderr.strip()}")
