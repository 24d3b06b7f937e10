"""What an upgrade must not break."""
