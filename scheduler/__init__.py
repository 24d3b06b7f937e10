"""A scheduler node: election, triggers, routing, dispatch, settling, and the API."""
