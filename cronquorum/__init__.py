"""Common ground of all processes: clock, durations, settings, logs, and coordination through ZooKeeper."""

__version__ = "0.1.0"
