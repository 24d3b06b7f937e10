"""The tests of Cronquorum."""
