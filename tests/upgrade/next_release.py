"""The next release, as far as tests need one: today's code, with migrations that only the tests know."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from jobstore.schema import newest

ROOT = Path(__file__).parents[2]

_MIGRATION = '''"""{about}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{down}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {body}
'''
EXPAND = """op.add_column("executions", sa.Column("weight", sa.Integer()))
    op.add_column("jobs", sa.Column("owner", sa.Text()))
    op.create_index("executions_weight", "executions", ["weight"])"""
CONTRACT = """op.drop_table("evidence")"""


@dataclass
class NextRelease:
    """A copy of `jobstore` in `folder`, to which migrations are added; its programs run as processes of their own."""

    folder: Path
    head: str = field(default_factory=newest)

    def __post_init__(self) -> None:
        shutil.copytree(ROOT / "jobstore", self.folder / "jobstore", ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def env(self) -> dict[str, str]:
        """With which Python finds this release's code."""
        return {"PYTHONPATH": os.pathsep.join((str(self.folder), str(ROOT), str(ROOT / "proto")))}

    def add(self, number: int, body: str, serves: str = "") -> str:
        """Add a migration on top of what there is; returns its revision."""
        revision = f"{number}_serves_{serves}" if serves else str(number)
        text = _MIGRATION.format(about="Of a test.", revision=revision, down=self.head, body=body)
        (self.folder / "jobstore" / "migrations" / "versions" / f"v{number}_test.py").write_text(text)
        self.head = revision
        return revision

    def expand(self) -> str:
        """A column more in two tables, and an index: today's code goes on."""
        return self.add(9001, EXPAND, serves=newest())

    def contract(self) -> str:
        """A table less: today's code cannot go on."""
        return self.add(9002, CONTRACT)

    def jobstore(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m jobstore` of this release."""
        return subprocess.run(
            [sys.executable, "-m", "jobstore", *words],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,  # which stands first in the path of `python -m`
            env={**os.environ, **self.env},
            check=False,
        )

    def upgrade(self, store: str) -> None:
        """Bring a store to this release's schema."""
        done = self.jobstore("upgrade", "--store", store)
        assert done.returncode == 0, done.stderr
