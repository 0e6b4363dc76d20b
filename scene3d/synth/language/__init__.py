"""From the truth about a room to what people might say about it."""
