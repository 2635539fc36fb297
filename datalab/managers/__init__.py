"""The built-in issue managers, registered in the order in which people read them."""

from datalab.managers.base import IssueManager, register
from datalab.managers.class_imbalance import ClassImbalance
from datalab.managers.label import Label
from datalab.managers.null import Null

__all__ = ["ClassImbalance", "IssueManager", "Label", "Null", "register"]

for _manager in (Null, Label, ClassImbalance):
    register(_manager)
