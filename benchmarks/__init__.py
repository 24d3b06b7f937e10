"""Measurements, each in one run and with the figures that it compares: `python -m benchmarks NAME`."""
