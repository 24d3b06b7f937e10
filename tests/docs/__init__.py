"""What the documentation shows is run: manifests, programs, command lines, settings, links."""
