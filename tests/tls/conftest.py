"""An authority, and what stands on it."""

from pathlib import Path

import pytest

from tests.tls.making import Pki


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path / "pki")


@pytest.fixture
def other(tmp_path: Path) -> Pki:
    """Another authority, which nobody here believes at first."""
    return Pki(tmp_path / "other")
