"""The only validator: what comes from outside is checked here once, and branded.

The arithmetic (`datalab._core`) takes only what these functions return, so nothing is checked
twice. Nothing here changes the caller's objects; arrays are copied only where their kind of
number has to change.
"""

from datalab._check.arrays import (
    as_array,
    feature_matrix,
    floats,
    numeric_labels,
    same_length,
    unit_interval,
)
from datalab._check.classes import (
    class_codes,
    class_name_list,
    class_thresholds,
    codes_within,
    named_classes,
    per_class_matrices,
    removals_per_class,
    square_matrix,
    two_classes,
)
from datalab._check.label_sets import (
    label_sets,
    label_sets_and_probs,
    multilabel_joint,
    one_vs_rest,
)
from datalab._check.messages import (
    did_you_mean,
    in_words,
    listing,
    tell_stopped,
    warn,
)
from datalab._check.options import (
    choice,
    finite_number,
    jobs,
    keywords,
    random_stream,
    seed,
    unit_number,
    whole_number,
)
from datalab._check.probabilities import (
    labels_and_probs,
    pixel_arrays,
    probabilities,
    some_rows,
)

__all__ = [
    "as_array",
    "choice",
    "class_codes",
    "class_name_list",
    "class_thresholds",
    "codes_within",
    "did_you_mean",
    "feature_matrix",
    "finite_number",
    "floats",
    "in_words",
    "jobs",
    "keywords",
    "label_sets",
    "label_sets_and_probs",
    "labels_and_probs",
    "listing",
    "multilabel_joint",
    "named_classes",
    "numeric_labels",
    "one_vs_rest",
    "per_class_matrices",
    "pixel_arrays",
    "probabilities",
    "random_stream",
    "removals_per_class",
    "same_length",
    "seed",
    "some_rows",
    "square_matrix",
    "tell_stopped",
    "two_classes",
    "unit_interval",
    "unit_number",
    "warn",
    "whole_number",
]
