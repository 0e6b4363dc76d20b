"""Every metric of the field: pure functions, official numbers, official file formats."""
