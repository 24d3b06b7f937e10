"""The executor's tests: real gRPC over loopback, real processes, and a leader that is played by the test."""
