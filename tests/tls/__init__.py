"""Mutual TLS: real certificates, real sockets, real processes."""
