"""Jobs that do real work on the machine that they run on."""
