"""What people see: cells, pictures, the static report and the text report."""

__all__: list[str] = []
