"""Files that a manifest names: the client reads them, and sends their texts."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cronquorum.names import shown
from schedapi.v1 import calendar_pb2

LARGEST_FILE = 256 * 1024
"""Bytes of one file: the server takes so many characters in one rule."""

LARGEST_FILES = 4 * 1024 * 1024
"""Bytes of all files that one source names: one apply takes no more."""


class FileError(ValueError):
    """A file that cannot be used; the message begins with its path."""


class Files:
    """Reads what the calendars of one source name, relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left = LARGEST_FILES

    def embed(self, calendar: calendar_pb2.Calendar) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Replace each `ics.file` by its text. Returns the paths that were read by the fields that have their texts,
        and what is wrong: pairs of a field's path and a message."""
        files: dict[str, str] = {}
        problems: list[tuple[str, str]] = []
        for place, ics in _ics_rules(calendar):
            if not ics.HasField("file"):
                continue
            if ics.HasField("text"):
                problems.append((place, "'text' and 'file' are given; choose one"))
                continue
            try:
                path, text = self._read(ics.file)
            except FileError as error:
                problems.append((f"{place}.file", str(error)))
            else:
                ics.text = text
                ics.ClearField("file")
                files[f"{place}.text"] = path
        return files, problems

    def _read(self, name: str) -> tuple[str, str]:
        """A file's path, and its text."""
        if not name or "\0" in name:
            raise FileError(f"{shown(name)} is not the path of a file")
        path = str(self._folder / name)
        path = path if path.isprintable() else shown(path, 200)
        try:
            content = _regular_file(self._folder / name, min(LARGEST_FILE, self._left) + 1)
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FileError(f"{path}: not UTF-8 text (byte {error.start})") from None
        except OSError as error:
            raise FileError(f"{path}: {(error.strerror or str(error)).lower()}") from None
        if len(content) > LARGEST_FILE:
            raise FileError(f"{path}: longer than {LARGEST_FILE // 1024} KiB")
        if len(content) > self._left:
            raise FileError(f"{path}: with it the files of these manifests are longer than {LARGEST_FILES >> 20} MiB")
        self._left -= len(content)
        return path, text


def _ics_rules(calendar: calendar_pb2.Calendar) -> Iterator[tuple[str, calendar_pb2.Ics]]:
    for field, rules in (("exclude", calendar.spec.exclude), ("include", calendar.spec.include)):
        for index, rule in enumerate(rules):
            if rule.HasField("ics"):
                yield f"spec.{field}[{index}].ics", rule.ics


def _regular_file(path: Path, most: int) -> bytes:
    """The first `most` bytes of a file that ends and that nobody has to write first. Raises `OSError`."""
    # without O_NONBLOCK the opening of a pipe waits for its writer
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError("is a directory" if stat.S_ISDIR(mode) else "is not a regular file")
        return file.read(most)
