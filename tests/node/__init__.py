"""A node by itself: what it serves beside the API."""
