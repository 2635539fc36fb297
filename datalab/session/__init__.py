"""What an exploration looks at, and the filter language of its tables."""

from datalab.session.state import CHECKED, LOOKED_AT, Line, Positions, Session

__all__ = ["CHECKED", "LOOKED_AT", "Line", "Positions", "Session"]
