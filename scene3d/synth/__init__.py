"""Furniture to rooms to simulated scans with truth."""
