"""Real data with known answers, where it is there (see DATALAB_DATA)."""

import os
from pathlib import Path

import numpy as np
import pytest

from datalab import Datalab

DATA = Path(os.environ.get("DATALAB_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="no real data here: set DATALAB_DATA to the folder that holds it"
)


def average_precision(relevant: np.ndarray, score: np.ndarray) -> float:
    """Of the ranking from low scores to high ones."""
    hits = relevant[np.argsort(score, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


@needs_data
@pytest.mark.parametrize(("name", "least"), [("mnist", 0.50), ("cifar10", 0.27)])
def test_label_errors_that_people_validated(name: str, least: float) -> None:
    """Ranking among the rows that people looked at, beside what the reference reaches."""
    data = np.load(DATA / "label_errors" / f"northcutt_{name}.npz")
    lab = Datalab({"label": data["labels"]}, label_name="label", verbosity=0)
    lab.find_issues(pred_probs=data["pred_probs"])
    assert {o.name: o.status for o in lab.outcomes}["label"] == "found"
    seen = data["mturk_index"]
    wrong = data["votes_given"] < 3
    score = lab.issues["label_score"].to_numpy()[seen]
    assert average_precision(wrong, score) >= least
    flagged = lab.issues["is_label_issue"].to_numpy()
    # People looked mostly at what confident learning flags; errors are enriched among the flags.
    assert flagged.mean() < 0.05
    assert wrong[flagged[seen]].mean() >= wrong.mean()


@needs_data
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("filter_by", ["prune_by_noise_rate", "prune_by_class", "both"])
def test_the_reference_flags_the_same(name: str, filter_by: str) -> None:
    from cleanlab.filter import find_label_issues

    data = np.load(DATA / "label_errors" / f"northcutt_{name}.npz")
    labels, pred_probs = data["labels"], data["pred_probs"]
    theirs = find_label_issues(
        labels, pred_probs, filter_by=filter_by, min_examples_per_class=10, n_jobs=1
    )
    lab = Datalab({"label": labels}, label_name="label", verbosity=0)
    lab.find_issues({"label": {"filter_by": filter_by}}, pred_probs=pred_probs)
    np.testing.assert_array_equal(lab.issues["is_label_issue"], theirs)


@needs_data
@pytest.mark.parametrize(("name", "least"), [("glass", 0.84), ("cardio", 0.88), ("pendigits", 0.9)])
@pytest.mark.parametrize("standardised", [False, True])
def test_outliers_in_tables(name: str, least: float, standardised: bool) -> None:
    """AUROC of the outlier score; the reference has .88/.89, .30/.30 and .73/.39."""
    from sklearn.metrics import roc_auc_score

    data = np.load(DATA / "outliers" / f"adbench_{name}.npz")
    features = data["X"].astype(np.float64)
    if standardised:
        spread = features.std(axis=0)
        features = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)
    lab = Datalab({"row": np.arange(len(features))}, task=None, verbosity=0)
    lab.find_issues(["outlier"], features=features)
    assert roc_auc_score(data["y"], -lab.issues["outlier_score"]) >= least


@needs_data
@pytest.mark.parametrize(("name", "least"), [("dog", 0.835), ("rte", 0.92)])
def test_consensus_without_a_model(name: str, least: float) -> None:
    """Accuracy of the consensus; majority vote has .833 and .919."""
    import pandas as pd

    data = np.load(DATA / "crowd" / f"crowd_{name}.npz")
    items = np.unique(data["item"])
    answers = pd.DataFrame(
        {
            "task": np.searchsorted(items, data["item"]),
            "annotator": data["worker"],
            "label": data["label"],
        }
    )
    lab = Datalab({"item": items.astype(str)}, annotations=answers, verbosity=0)
    lab.find_issues(["multi_annotator"])
    consensus = lab.get_issues("multi_annotator")["consensus_label"]
    at = np.searchsorted(items, data["truth_item"])
    right = consensus.to_numpy()[at] == data["truth"]
    assert right.mean() >= least
    # Doubtful rows are wrong more often than the others.
    flagged = lab.issues["is_multi_annotator_issue"].to_numpy()[at].astype(bool)
    assert 0 < flagged.mean() < 0.5
    assert (~right)[flagged].mean() > 2 * (~right)[~flagged].mean()


@needs_data
@pytest.mark.parametrize(("model", "least"), [("pp_lr", 0.98), ("pp_et", 0.985)])
def test_consensus_with_a_model(model: str, least: float) -> None:
    """Accuracy of CROWDLAB's consensus on sparse answers; majority vote has .760."""
    data = np.load(DATA / "multiannotator" / "multiannotator_digits.npz")
    votes = np.where(data["votes"] < 0, np.nan, data["votes"])
    lab = Datalab({"row": np.arange(len(votes))}, annotations=votes, verbosity=0)
    lab.find_issues(["multi_annotator"], pred_probs=data[model])
    consensus = lab.get_issues("multi_annotator")["consensus_label"]
    assert (consensus.to_numpy() == data["true"]).mean() >= least


@needs_data
def test_a_table_and_texts_need_no_model() -> None:
    """The whole audit from files, with nothing given: every check finds something to say."""
    table = Datalab(str(DATA / "table" / "adult_8k.csv.gz"), label_name="income", verbosity=0)
    table.find_issues()
    texts = Datalab(str(DATA / "text" / "clinc150_small.csv.gz"), label_name="domain", verbosity=0)
    texts.find_issues(["label", "near_duplicate"])
    for lab in (table, texts):
        for name in ("label", "near_duplicate"):
            assert lab.outcomes[name].status == "found"
    assert texts.text_key == "text"


TEXT_TYPES = [
    "empty_text",
    "odd_length_text",
    "non_language_text",
    "encoding_damage",
    "markup_text",
    "duplicate_text",
    "personal_data",
]


@needs_data
def test_clean_requests_have_hardly_any_issue_of_text() -> None:
    """Six in a thousand are copies of others but for punctuation; the rest is chance."""
    import pandas as pd

    requests = pd.read_csv(DATA / "text" / "clinc150_small.csv.gz")[["text"]]
    lab = Datalab(requests, task=None, text_key="text", verbosity=0).find_issues(TEXT_TYPES)
    share = lab.issue_summary.set_index("issue_type")["num_issues"] / len(requests)
    assert (share[TEXT_TYPES] < 0.01).all()


def test_docstrings_have_no_issue_of_text_but_repetition() -> None:
    import inspect

    import scipy.stats
    import sklearn.metrics

    docs = [
        inspect.getdoc(getattr(place, name)) or ""
        for place in (np, scipy.stats, sklearn.metrics)
        for name in dir(place)
        if callable(getattr(place, name, None))
    ]
    texts = sorted({doc for doc in docs if len(doc) > 100})
    lab = Datalab({"text": texts}, task=None, text_key="text", verbosity=0).find_issues(TEXT_TYPES)
    share = lab.issue_summary.set_index("issue_type")["num_issues"] / len(texts)
    assert len(texts) > 300
    assert (share[[name for name in TEXT_TYPES if name != "duplicate_text"]] < 0.01).all()
    assert share["duplicate_text"] > 0.01


@needs_data
def test_flags_and_ranking_of_noisy_digits() -> None:
    """Mean of 5 kinds of noise and 3 models; the reference has F1 .848, average precision .906."""
    data = np.load(DATA / "noise" / "noise_digits.npz")
    found: dict[str, list[tuple[float, float]]] = {"alone": [], "with neighbours": []}
    for noise in ("uniform20", "uniform40", "asym30", "instance20", "clean5"):
        labels = data[f"labels_{noise}"]
        wrong = labels != data["true"]
        for model in ("lr", "mlp", "et"):
            given = {"pred_probs": data[f"pp_{noise}_{model}"]}
            for name in found:
                if name == "with neighbours":
                    given["features"] = data["features"]
                lab = Datalab({"label": labels}, label_name="label", verbosity=0)
                issues = lab.find_issues(["label"], **given).issues
                flags = issues["is_label_issue"].to_numpy()
                f1 = 2 * (flags & wrong).sum() / (flags.sum() + wrong.sum())
                ranking = average_precision(wrong, issues["label_score"].to_numpy())
                found[name].append((f1, ranking))
    assert (np.mean(found["alone"], axis=0) >= [0.875, 0.93]).all()
    assert (np.mean(found["with neighbours"], axis=0) >= [0.905, 0.965]).all()
