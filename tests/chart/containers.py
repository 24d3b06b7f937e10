"""A pod's container without Kubernetes: its command, its variables and its files, as the chart says, as process 1.

What only Kubernetes gives is stood in for: an address (loopback), free ports for the fixed ones, and folders.
"""

import base64
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chart.rendering import Object, Pod, environment, one
from tests.conftest import Spawn
from tests.rig.ports import free_port
from tests.rig.process import ManagedProcess, children_of
from tests.rig.waiting import eventually

PROGRAMS = {"python": [sys.executable], "schedctl": [sys.executable, "-m", "schedctl"]}
PORTS = (7400, 7401, 7500, 7501)


def as_process_1() -> list[str]:
    """What to write before a command; users other than root may do it within a namespace of users."""
    mapped = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *mapped, "--pid", "--fork", "--mount-proc", "--kill-child"]


@dataclass(kw_only=True)
class Container:
    """One that runs, or ran."""

    process: ManagedProcess
    ports: Mapping[int, int]

    def get(self, path: str, port: int) -> int:
        """The status that a path of its HTTP port is answered with; 0: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def stop(self) -> int:
        """SIGTERM to process 1, as a kubelet sends it; returns the exit status."""
        (first,) = children_of(self.process.pid)
        os.kill(first, signal.SIGTERM)
        return self.process.wait(30)


@dataclass(kw_only=True)
class Machine:
    """Where containers run. `elsewhere`: what stands for a text of the chart, such as the host of a server."""

    rendered: Sequence[Object]
    folder: Path
    spawn: Spawn
    elsewhere: Mapping[str, str]

    def run(self, pod: Pod, name: str, *, elsewhere: Mapping[str, str] | None = None) -> Container:
        """Start a pod's container under a name of its own."""
        (container,) = pod.spec["containers"]
        root = self.folder / name
        ports = {port: free_port() for port in PORTS}
        stands_for = {**self.elsewhere, **(elsewhere or {})}
        stands_for |= {"/etc/cronquorum": f"{root}/etc/cronquorum", "/var/lib/cronquorum": f"{root}/var/lib/cronquorum"}
        stands_for |= {f"0.0.0.0:{port}": f"0.0.0.0:{own}" for port, own in ports.items()}
        stands_for |= {f"127.0.0.1:{port}": f"127.0.0.1:{own}" for port, own in ports.items()}

        def here(text: str) -> str:
            for there, it in stands_for.items():
                text = text.replace(there, it)
            return text

        for mount in container["volumeMounts"]:
            (volume,) = [each for each in pod.spec["volumes"] if each["name"] == mount["name"]]
            if mount["mountPath"] != "/tmp":
                self._fill(root / mount["mountPath"].lstrip("/"), volume, here)
        environ = environment(container, "127.0.0.1", name, self._secret)
        environ = {key: here(value) for key, value in environ.items()}
        words = [*container["command"], *container.get("args", [])]
        command = [*as_process_1(), *PROGRAMS[words[0]], *map(here, words[1:])]
        return Container(process=self.spawn(name, command, environ), ports=ports)

    def _fill(self, folder: Path, volume: Object, here: Callable[[str], str]) -> None:
        folder.mkdir(parents=True)
        if "configMap" in volume:
            for file, text in one(self.rendered, "ConfigMap", volume["configMap"]["name"])["data"].items():
                (folder / file).write_text(here(text))
        elif "secret" in volume:
            secret = one(self.rendered, "Secret", volume["secret"]["secretName"])
            files = {key: text.encode() for key, text in secret.get("stringData", {}).items()}
            files |= {key: base64.b64decode(text) for key, text in secret.get("data", {}).items()}
            items = volume["secret"].get("items") or [{"key": key, "path": key} for key in files]
            for item in items:
                (folder / item["path"]).write_bytes(files[item["key"]])
                (folder / item["path"]).chmod(volume["secret"]["defaultMode"])

    def _secret(self, ref: Object) -> str:
        return str(one(self.rendered, "Secret", ref["name"])["stringData"][ref["key"]])


def ready(container: Container, port: int) -> None:
    """Wait until its readiness probe says so."""
    eventually(lambda: container.get("/readyz", port) == 200, 60, f"{container.process.name} is ready")
