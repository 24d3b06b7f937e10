"""The command line, against a server with the real wire."""
