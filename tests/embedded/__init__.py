"""The whole engine in one process, through its API."""
