"""Manifests from where the user keeps them: files, folders, and standard input."""

import sys
from collections.abc import Sequence
from pathlib import Path

from schedapi.manifest import LONGEST_TEXT, Document, ManifestError, Problem, read_documents

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"


def read_sources(paths: Sequence[str]) -> list[Document]:
    """Read all manifests of files, folders (their files with one of `SUFFIXES`, by name, not deeper), and `-`.

    What a file names is looked for beside it, and what stdin names, in the working directory. Raises one
    `ManifestError` with the problems of all of them.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            sources = _sources(path)
        except OSError as error:
            problems.append(_unreadable(path, error))
            continue
        if not sources:
            problems.append(Problem(source=path, message=f"no {', '.join(SUFFIXES)} file in this folder"))
        for source in sources:
            try:
                documents += _read(source)
            except ManifestError as error:
                problems += error.problems
    if problems:
        raise ManifestError(problems)
    return documents


def _sources(path: str) -> list[str]:
    if path == STDIN or not Path(path).is_dir():
        return [path]
    return sorted(
        str(each)
        for each in Path(path).iterdir()
        if each.suffix in SUFFIXES and not each.name.startswith(".") and not each.is_dir()
    )


def _read(source: str) -> list[Document]:
    name = "stdin" if source == STDIN else source
    try:
        if source == STDIN:
            folder = Path()
            content = sys.stdin.buffer.read(LONGEST_TEXT + 1)
        else:
            folder = Path(source).parent
            with Path(source).open("rb") as file:
                content = file.read(LONGEST_TEXT + 1)
        if len(content) > LONGEST_TEXT:
            raise ManifestError([Problem(source=name, message=f"longer than {LONGEST_TEXT // 1024} KiB")])
        return read_documents(content.decode(), name, folder)
    except UnicodeDecodeError as error:
        message = f"not UTF-8 text (byte {error.start})"
        raise ManifestError([Problem(source=name, message=message)]) from None
    except OSError as error:
        raise ManifestError([_unreadable(name, error)]) from None


def _unreadable(source: str, error: OSError) -> Problem:
    return Problem(source=source, message=(error.strerror or str(error)).lower())
