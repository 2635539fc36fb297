"""What people decide about single rows, what follows from it, and where it is written down."""

from datalab.review.decisions import Review
from datalab.review.labels import suggestions
from datalab.review.ledger import Decision, Ledger
from datalab.review.place import ledger_path
from datalab.review.replay import Replay

__all__ = ["Decision", "Ledger", "Replay", "Review", "ledger_path", "suggestions"]
