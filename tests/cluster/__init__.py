"""Whole clusters, as real processes: nodes, executors, PostgreSQL, ZooKeeper."""
