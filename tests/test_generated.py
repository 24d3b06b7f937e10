"""The committed code of proto/schedapi/v1 is what its .proto files say."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = Path("schedapi/v1")
KINDS = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")


def generated(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for kind in KINDS for path in (folder / PACKAGE).glob(kind)}


def test_the_generated_code_is_fresh(tmp_path: Path) -> None:
    sources = sorted((REPOSITORY / "proto" / PACKAGE).glob("*.proto"))
    assert sources
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "proto", *outputs]
    names = [str(source.relative_to(REPOSITORY)) for source in sources]
    done = subprocess.run([*command, *names], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    committed, fresh = generated(REPOSITORY / "proto"), generated(tmp_path)
    assert committed.keys() == fresh.keys(), "run script/generate"
    stale = [name for name in fresh if fresh[name] != committed[name]]
    assert not stale, f"{stale} differ from what their .proto files say; run script/generate"
