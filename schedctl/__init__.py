"""The admin's command line: a client of the API. Data goes to stdout, messages to stderr."""
