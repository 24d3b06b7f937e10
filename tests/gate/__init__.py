"""The fault gate: a cluster under load and faults, and three logs of what it did; see README.md beside this."""
