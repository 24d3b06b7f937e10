"""The job store's own parts; its contract is in `tests/contract/test_jobstore*.py`."""
