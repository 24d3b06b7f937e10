"""The record: domain model, state machine, the JobStore protocol, its SQL implementation, migrations."""
