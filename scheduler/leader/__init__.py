"""A term: what the leader decides, writes, sends and settles. Nothing here outlives the term."""
