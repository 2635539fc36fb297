from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from datalab import Datalab, Findings
from datalab.audit import Outcome
from datalab.managers.base import spec_of
from datalab.views.collect import overview
from datalab.views.model import Section


def with_findings(lab: Datalab, found: Findings, **attributes) -> Datalab:
    """The lab with the findings of a manager made for the purpose."""
    manager = type("Made", (), {"__doc__": "Made up.", "name": found.name, **attributes})
    manager.find_issues = lambda self, table: None
    lab._outcomes[found.name] = Outcome(
        found.name, "found", spec_of(manager), manager(), findings=found
    )
    return lab


def lists(n: int, *sets: list[int]) -> np.ndarray:
    """For each of n rows the other members of its set."""
    links = np.empty(n, dtype=object)
    for row in range(n):
        links[row] = np.array([m for s in sets if row in s for m in s if m != row], dtype=int)
    return links


@pytest.fixture
def lab() -> Datalab:
    return Datalab({"x": np.arange(40.0), "y": [0, 1] * 20}, label_name="y")


def duplicates(lab: Datalab, *sets: list[int], scores: dict[int, float]) -> Datalab:
    n = len(lab)
    score = np.ones(n)
    for row, value in scores.items():
        score[row] = value
    return with_findings(
        lab,
        Findings(
            "near_duplicate", score < 1, score, columns={"near_duplicate_sets": lists(n, *sets)}
        ),
        produces={"near_duplicate_sets": "rows"},
        explain=lambda self, row: "a copy",
    )


def section(lab: Datalab, **options):
    return overview(lab, **options).sections[0]


def test_sets_come_worst_first_and_every_row_once(lab):
    duplicates(lab, [3, 9], [1, 2, 30], scores={3: 0.2, 9: 0.2, 1: 0.1, 2: 0.0, 30: 0.1})
    groups = section(lab).groups
    assert [group.title for group in groups] == ["Set of 3", "Set of 2"]
    assert [[e.position for e in group.examples] for group in groups] == [[2, 1, 30], [3, 9]]


def test_chains_of_duplicates_are_one_set(lab):
    links = lists(40)
    links[5], links[6], links[7] = np.array([6]), np.array([5, 7]), np.array([6])
    flags = np.isin(np.arange(40), [5, 6, 7])
    found = Findings(
        "near_duplicate", flags, np.where(flags, 0.1, 1), columns={"near_duplicate_sets": links}
    )
    with_findings(lab, found, produces={"near_duplicate_sets": "rows"})
    (group,) = section(lab).groups
    assert [example.position for example in group.examples] == [5, 6, 7]


def test_large_sets_are_cut_and_say_so(lab):
    members = list(range(10, 22))
    duplicates(lab, members, scores=dict.fromkeys(members, 0.0))
    (group,) = section(lab).groups
    assert (group.title, len(group.examples), group.hidden) == ("Set of 12", 4, 8)


def test_sets_in_findings_about_some_rows(lab):
    links = np.empty(3, dtype=object)
    links[:] = [np.array([30]), np.array([], dtype=int), np.array([10])]
    found = Findings(
        "near_duplicate",
        [True, False, True],
        [0.0, 1.0, 0.0],
        rows=[10, 20, 30],
        columns={"near_duplicate_sets": links},
    )
    with_findings(lab, found, produces={"near_duplicate_sets": "rows"})
    (group,) = section(lab).groups
    assert [example.position for example in group.examples] == [10, 30]


def test_a_copied_row_that_was_not_looked_at_is_left_out(lab):
    links = np.empty(1, dtype=object)
    links[0] = np.array([11, 39])
    found = Findings(
        "near_duplicate", [True], [0.0], rows=[10], columns={"near_duplicate_sets": links}
    )
    with_findings(lab, found, produces={"near_duplicate_sets": "rows"})
    (group,) = section(lab).groups
    assert [example.position for example in group.examples] == [10]
    assert group.title == ""


def test_the_worst_rows_are_the_flagged_ones_of_lowest_score(lab):
    score = np.linspace(0, 1, 40)
    flags = np.isin(np.arange(40), [5, 20, 35])
    with_findings(lab, Findings("rule", flags, score))
    assert [e.position for e in section(lab, num_examples=2).examples] == [5, 20]
    assert [e.position for e in section(lab).examples] == [5, 20, 35]


def test_ties_go_by_row_number(lab):
    with_findings(lab, Findings("rule", np.ones(40, bool), np.zeros(40)))
    assert [e.position for e in section(lab, num_examples=3).examples] == [0, 1, 2]


def test_bins_count_every_row_and_every_flagged_row(lab):
    score = np.random.default_rng(0).random(40)
    with_findings(lab, Findings("rule", score < 0.3, score))
    bins = section(lab).bins
    assert sum(bins.rows) == 40
    assert sum(bins.flagged) == (score < 0.3).sum()


def test_what_needs_attention_comes_first(lab):
    with_findings(lab, Findings("clean", np.zeros(40, bool), np.ones(40)))
    with_findings(lab, Findings("found", np.ones(40, bool), np.zeros(40)))
    for name, status in (("broken", "failed"), ("absent", "not applicable")):
        with_findings(lab, Findings(name, np.zeros(40, bool), np.ones(40)))
        spec, manager = lab.outcomes[name].spec, lab.outcomes[name].manager
        lab._outcomes[name] = Outcome(name, status, spec, manager, reason="because")
    view = overview(lab)
    assert [s.state for s in view.sections] == ["flagged", "failed", "clean", "not applicable"]
    assert view.sentence == "1 of 4 checks found something; 1 failed; 1 could not run."


def test_missing_labels_are_told():
    labels = np.array(["a", None, "b", "a"] * 10, dtype=object)
    lab = Datalab({"x": np.arange(40.0), "y": labels}, label_name="y")
    with_findings(lab, Findings("rule", np.ones(40, bool), np.zeros(40)))
    given = [e.given for e in section(lab, num_examples=4).examples]
    assert given == ["a", "missing", "b", "a"]
    assert "10 rows have no label" in str(lab)
    assert "10 rows have no label" in lab._repr_html_()
    given_all = Datalab({"y": ["a", "b", "b"]}, label_name="y")
    assert "label" not in str(given_all).replace("labels: y", "")


def test_targets_of_a_regression_are_numbers():
    lab = Datalab(
        {"x": np.arange(40.0), "y": np.linspace(0, 1e3, 40)}, label_name="y", task="regression"
    )
    found = Findings(
        "label",
        np.ones(40, bool),
        np.linspace(0, 1, 40),
        columns={"predicted_label": np.full(40, 2.5)},
    )
    with_findings(lab, found)
    example = section(lab, num_examples=3).examples[1]
    assert (example.given, example.suggested) == ("25.64", "2.5")
    assert section(lab).matrix is None


def test_unlabelled_data():
    lab = Datalab({"x": np.arange(40.0)}, task=None)
    with_findings(lab, Findings("rule", np.ones(40, bool), np.zeros(40)))
    assert section(lab).examples[0].given == ""
    assert overview(lab).facts == ("40 rows", "1 column")


def label_findings(given: np.ndarray, suggested: np.ndarray) -> Findings:
    return Findings(
        "label",
        given != suggested,
        np.where(given != suggested, 0.1, 0.9),
        columns={"given_label": given, "predicted_label": suggested},
    )


CLASS = {"produces": {"given_label": "class", "predicted_label": "class"}}


def test_few_classes_are_shown_as_a_matrix():
    given = np.array([0, 0, 1, 1, 2, 2] * 5)
    suggested = np.array([0, 1, 1, 1, 2, 0] * 5)
    lab = Datalab({"y": np.array(["a", "b", "c"])[given]}, label_name="y")
    with_findings(lab, label_findings(given, suggested), **CLASS)
    matrix = section(lab).matrix
    assert matrix.names == ("a", "b", "c")
    assert matrix.counts == ((5, 5, 0), (0, 10, 0), (5, 0, 5))
    assert section(lab).examples[0].suggested == "b"


def test_many_classes_are_shown_as_the_most_frequent_pairs():
    given = np.arange(600) % 30
    suggested = given.copy()
    suggested[given == 7] = 9
    suggested[(given == 3) & (np.arange(600) < 300)] = 4
    lab = Datalab({"y": [f"class {g:02d}" for g in given]}, label_name="y")
    with_findings(lab, label_findings(given, suggested), **CLASS)
    table = section(lab).table
    assert section(lab).matrix is None
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["class 07", "class 09", "20"],
        ["class 03", "class 04", "10"],
    ]
    assert table.bars == (1.0, 0.5)


def test_rare_and_large_classes_of_many():
    given = np.repeat(np.arange(14), np.arange(14) + 3)
    lab = Datalab({"y": given, "x": given}, label_name="y")
    lab.find_issues({"class_imbalance": {"threshold": 1.0}})
    table = section(lab).table
    assert [row[0].text for row in table.rows] == ["0", "1", "2", "3", "4"] + [
        str(k) for k in range(9, 14)
    ]
    assert table.title == "Rows per class: the 5 rarest and the 5 largest"


def test_missing_values_by_column_are_shown_though_no_row_is_empty():
    lab = Datalab(
        {"a": [1.0, None, None, None], "b": [1, 2, 3, 4], "y": [0, 1, 0, 1]}, label_name="y"
    )
    lab.find_issues(["null"])
    shown = section(lab)
    assert shown.state == "clean"
    assert [[c.text.replace("\xa0", " ") for c in row] for row in shown.table.rows] == [
        ["a", "75 %"]
    ]


def test_the_least_reliable_annotators_come_first(lab):
    stats = pd.DataFrame(
        {"annotator_quality": np.linspace(1, 0, 12), "num_examples_labeled": np.arange(12)},
        index=[f"ann {i}" for i in range(12)],
    )
    found = Findings(
        "multi_annotator", np.zeros(40, bool), np.ones(40), info={"annotator_stats": stats}
    )
    with_findings(lab, found)
    table = section(lab).table
    assert table.rows[0][0].text == "ann 11"
    assert table.columns == ("annotator", "answers", "quality")
    assert table.title == "12 annotators, the 10 least reliable"


def test_annotators_of_a_real_audit():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=90)
    answers = {
        name: np.where(rng.random(90) < right, truth, rng.integers(3, size=90))
        for name, right in (("ann", 0.98), ("ben", 0.95), ("cleo", 0.3))
    }
    label = np.where(np.arange(90) % 30 == 0, (truth + 1) % 3, truth)
    names = np.array(["cat", "dog", "owl"])
    data = {name: names[codes] for name, codes in answers.items()} | {"label": names[label]}
    lab = Datalab(data, label_name="label", annotations=list(answers))
    lab.find_issues(["multi_annotator"])
    shown = section(lab)
    assert shown.table.title == "3 annotators"
    assert shown.table.columns == ("annotator", "agreement", "worst class", "answers", "quality")
    assert shown.table.rows[0][0].text == "cleo"
    assert {0, 30, 60} <= {e.position for e in section(lab, num_examples=30).examples}
    worst = shown.examples[0]
    assert worst.given != worst.suggested
    assert shown.columns == ()  # the annotators' own columns are in the reason already


def test_a_few_columns_help_to_recognise_a_row():
    data = {name: np.arange(40.0) for name in "abcdef"} | {"y": [0, 1] * 20}
    lab = with_findings(
        Datalab(data, label_name="y"), Findings("rule", np.ones(40, bool), np.zeros(40))
    )
    assert section(lab).columns == ("a", "b", "c", "d")


def test_the_lab_is_not_changed(lab):
    with_findings(lab, Findings("rule", np.ones(40, bool), np.zeros(40)))
    before = dict(vars(lab))
    overview(lab, show_all=True)
    assert vars(lab) == before


def test_one_row_is_singular():
    section = Section(name="null", title="Null", state="clean", n_checked=1)
    assert section.sentence == "No null issues found in 1 row"
    assert replace(section, state="flagged", n_flagged=1).sentence.startswith("1 of 1 row flagged")
