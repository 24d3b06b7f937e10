"""Manifests: jobs and calendars as users write them, in YAML or JSON, to and from the messages of the wire.

`read_documents` reads a file's text, and raises one `ManifestError` with everything that is wrong in it.
`to_document` and `to_yaml` write what can be read again; `plain` writes any message of the contract.
"""

from schedapi.manifest.documents import API_VERSION, KINDS, Document, Manifest
from schedapi.manifest.problems import ManifestError, Problem
from schedapi.manifest.reading import read_documents
from schedapi.manifest.text import LONGEST_TEXT
from schedapi.manifest.writing import dump_yaml, plain, time_text, to_document, to_yaml

__all__ = [
    "API_VERSION",
    "KINDS",
    "LONGEST_TEXT",
    "Document",
    "Manifest",
    "ManifestError",
    "Problem",
    "dump_yaml",
    "plain",
    "read_documents",
    "time_text",
    "to_document",
    "to_yaml",
]
