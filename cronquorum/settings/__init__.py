"""Settings of a process: one schema that is read from flags, environment, and a TOML file, in that order.

A field `session_timeout` is the flag `--session-timeout`, the environment variable
`CRONQUORUM_SESSION_TIMEOUT` and the key `session_timeout` of the file; its description is its help.
Lists and `key=value` settings are flags given several times, comma-separated variables, and arrays or
tables of the file; the first source that has a setting gives all of it. Sections (fields that are models)
have no flags: `CRONQUORUM_DEFAULTS__TIMEOUT`, or `timeout` under `[defaults]`; those with `own_flags` do: `--tls-cert`,
`CRONQUORUM_TLS_CERT`, and `cert` under `[tls]`.
"""

from cronquorum.settings.base import Section, Settings
from cronquorum.settings.errors import SettingsError
from cronquorum.settings.files import read_toml
from cronquorum.settings.kinds import Duration, HostPort, Metavar, is_loopback, split_host_port

__all__ = [
    "Duration",
    "HostPort",
    "Metavar",
    "Section",
    "Settings",
    "SettingsError",
    "is_loopback",
    "read_toml",
    "split_host_port",
]
