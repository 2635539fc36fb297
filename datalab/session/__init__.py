"""What an exploration looks at, and the filter language of its tables."""

from datalab.session.state import LOOKED_AT, Line, Positions, Session

__all__ = ["LOOKED_AT", "Line", "Positions", "Session"]
