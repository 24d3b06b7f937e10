"""A model of a cluster: real leaders, and scripted everything else, on a clock and a loop that a script drives."""
