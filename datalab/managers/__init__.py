"""The built-in issue managers, registered in the order in which people read them."""

from datalab.managers.base import IssueManager, register
from datalab.managers.class_imbalance import ClassImbalance
from datalab.managers.data_valuation import DataValuation
from datalab.managers.identifier_column import IdentifierColumn
from datalab.managers.image import (
    Blurry,
    Dark,
    ExactDuplicateImage,
    Grayscale,
    Light,
    LowInformation,
    NearDuplicateImage,
    OddAspectRatio,
    OddSize,
)
from datalab.managers.label import Label
from datalab.managers.multi_annotator import MultiAnnotator
from datalab.managers.multilabel_label import MultilabelLabel
from datalab.managers.near_duplicate import NearDuplicate
from datalab.managers.non_iid import NonIID
from datalab.managers.null import Null
from datalab.managers.outlier import Outlier
from datalab.managers.personal_data import PersonalData
from datalab.managers.regression_label import RegressionLabel
from datalab.managers.split_leakage import SplitLeakage
from datalab.managers.spurious_correlation import SpuriousCorrelations
from datalab.managers.text import EmptyText, NonLanguageText, OddLengthText
from datalab.managers.text_duplicate import DuplicateText
from datalab.managers.text_encoding import EncodingDamage
from datalab.managers.text_markup import MarkupText
from datalab.managers.training_dynamics import TrainingDynamics
from datalab.managers.underperforming_group import UnderperformingGroup

__all__ = [
    "Blurry",
    "ClassImbalance",
    "Dark",
    "DataValuation",
    "DuplicateText",
    "EmptyText",
    "EncodingDamage",
    "ExactDuplicateImage",
    "Grayscale",
    "IdentifierColumn",
    "IssueManager",
    "Label",
    "Light",
    "LowInformation",
    "MarkupText",
    "MultiAnnotator",
    "MultilabelLabel",
    "NearDuplicate",
    "NearDuplicateImage",
    "NonIID",
    "NonLanguageText",
    "Null",
    "OddAspectRatio",
    "OddLengthText",
    "OddSize",
    "Outlier",
    "PersonalData",
    "RegressionLabel",
    "SplitLeakage",
    "SpuriousCorrelations",
    "TrainingDynamics",
    "UnderperformingGroup",
    "register",
]

for _manager in (
    Null,
    Label,
    RegressionLabel,
    MultilabelLabel,
    Outlier,
    NearDuplicate,
    NonIID,
    ClassImbalance,
    UnderperformingGroup,
    Dark,
    Light,
    LowInformation,
    OddAspectRatio,
    OddSize,
    Grayscale,
    Blurry,
    SpuriousCorrelations,
    ExactDuplicateImage,
    NearDuplicateImage,
    IdentifierColumn,
    SplitLeakage,
    EmptyText,
    OddLengthText,
    NonLanguageText,
    EncodingDamage,
    MarkupText,
    DuplicateText,
    PersonalData,
    TrainingDynamics,
    MultiAnnotator,
    DataValuation,
):
    register(_manager)
