"""The built-in issue managers, registered in the order in which people read them."""

from datalab.managers.base import IssueManager, register
from datalab.managers.class_imbalance import ClassImbalance
from datalab.managers.label import Label
from datalab.managers.multi_annotator import MultiAnnotator
from datalab.managers.near_duplicate import NearDuplicate
from datalab.managers.null import Null
from datalab.managers.outlier import Outlier

__all__ = [
    "ClassImbalance",
    "IssueManager",
    "Label",
    "MultiAnnotator",
    "NearDuplicate",
    "Null",
    "Outlier",
    "register",
]

for _manager in (Null, Label, Outlier, NearDuplicate, ClassImbalance, MultiAnnotator):
    register(_manager)
