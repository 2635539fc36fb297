"""The test kit finds what is wrong with a manager, and nothing wrong with ours."""

from typing import Any, ClassVar

import numpy as np
import pytest

from datalab import Findings
from datalab.exceptions import InputError, ManagerError
from datalab.managers.base import _load, _register
from datalab.testing import check_manager, example_lab

_load()


class Good:
    """Rows of small size."""

    name: ClassVar[str] = "good"
    produces: ClassVar[dict[str, str]] = {"like": "row"}

    def __init__(self, limit: float = 0.0) -> None:
        self.limit = limit

    def find_issues(self, features: Any) -> Findings:
        score = 1 / (1 + np.exp(-features[:, 0]))
        like = np.zeros(len(score), dtype=np.intp)
        return Findings(
            self.name, is_issue=features[:, 0] < self.limit, score=score, columns={"like": like}
        )

    def explain(self, row: Any) -> str:
        return f"score {row['score']:.2f}"


class Changes(Good):
    def find_issues(self, features: Any) -> Findings:
        features[0] = 0
        return super().find_issues(features)


class Forgets(Good):
    def __init__(self, limit: float = 0.0) -> None:
        self._limit = limit


class Asks(Good):
    def __init__(self, limit: float) -> None:
        self.limit = limit


class Guesses(Good):
    def find_issues(self, features: Any) -> Findings:
        score = np.random.default_rng().random(len(features))
        return Findings(self.name, is_issue=score < 0.5, score=score, columns={"like": score})


class Promises(Good):
    produces: ClassVar[dict[str, str]] = {"more": "number"}


class Points(Good):
    def find_issues(self, features: Any) -> Findings:
        found = super().find_issues(features)
        return Findings(
            self.name, found.is_issue, found.score, {"like": np.full(len(features), 10**6)}
        )


class Mute(Good):
    def explain(self, row: Any) -> str:
        return ""


class Stumbles(Good):
    def explain(self, row: Any) -> str:
        return str(row["nothing"])


class Keeps(Good):
    def find_issues(self, features: Any) -> Findings:
        found = super().find_issues(features)
        return Findings(self.name, found.is_issue, found.score, found.columns, info={"me": self})


class NeedsMany(Good):
    def find_issues(self, features: Any) -> Findings:
        features[50]
        return super().find_issues(features)


class Declines(Good):
    def find_issues(self, features: Any) -> Findings:
        from datalab.exceptions import NotApplicable

        raise NotApplicable("never on Sundays")


def test_a_good_manager_passes() -> None:
    assert check_manager(Good).num_issues > 0
    assert check_manager(Good(-100.0)).num_issues == 0
    assert check_manager(Good, example_lab("regression")).num_issues > 0


@pytest.mark.parametrize(
    ("manager", "error", "told"),
    [
        (Changes, ManagerError, "must not change what it is given"),
        (Forgets, InputError, "set self.limit = limit"),
        (Asks(0.0), InputError, "has no default"),
        (Guesses, InputError, "second run found something else"),
        (Promises, InputError, "names 'more'"),
        (Points, InputError, "from -1 .none. to 59"),
        (Mute, InputError, "must return a text"),
        (Stumbles, ManagerError, "explain.. failed"),
        (Keeps, InputError, "cannot save good: 'me'"),
        (NeedsMany, ManagerError, "failed on 30 rows"),
        (Declines, InputError, "never on Sundays.*pass lab="),
    ],
)
def test_what_is_wrong_is_told(manager: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        check_manager(manager)


# Not applicable to the example data: no group is bad enough, or no record of training is there.
OF_THEIR_OWN = {"underperforming_group", "training_dynamics"}


@pytest.mark.filterwarnings("ignore::datalab.exceptions.DatalabWarning")
@pytest.mark.parametrize(
    "spec",
    [spec for spec in _register if spec.name not in OF_THEIR_OWN],
    ids=lambda spec: f"{spec.name}-{spec.tasks[0]}",
)
def test_our_own_managers_keep_the_rules(spec: Any) -> None:
    assert check_manager(spec.factory).name == spec.name
