"""The user's table, met at the boundary: reading rows, columns, labels and cells."""
