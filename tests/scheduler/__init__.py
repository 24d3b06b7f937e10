"""What a scheduler node decides, and what it holds in memory."""
