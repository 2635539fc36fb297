"""What people decide about single rows, what follows from it, and where it is written down."""

from datalab.review.decisions import Review, ledger_path, suggestions
from datalab.review.ledger import Decision, Ledger
from datalab.review.replay import Replay

__all__ = ["Decision", "Ledger", "Replay", "Review", "ledger_path", "suggestions"]
