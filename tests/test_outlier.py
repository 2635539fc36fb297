import copy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from datalab.exceptions import InputError, InputWarning
from datalab.outlier import OutOfDistribution


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(60, 5))


@pytest.fixture
def probs():
    return np.random.default_rng(1).dirichlet(np.ones(4), 60)


@pytest.fixture
def labels():
    return np.arange(60) % 4


def test_class_attributes():
    assert {"k", "t", "knn"} == OutOfDistribution.OUTLIER_PARAMS
    assert {
        "confident_thresholds",
        "adjust_pred_probs",
        "method",
        "M",
        "gamma",
    } == OutOfDistribution.OOD_PARAMS
    defaults = OutOfDistribution.DEFAULT_PARAM_DICT
    assert set(defaults) == OutOfDistribution.OUTLIER_PARAMS | OutOfDistribution.OOD_PARAMS
    assert OutOfDistribution().params == {**defaults, "scaling_factor": None}


def test_clones_and_round_trips(features):
    params = {"k": 3, "t": 2}
    ood = OutOfDistribution(params)
    scores = ood.fit_score(features=features)
    assert ood.get_params() == {"params": {"k": 3, "t": 2}}
    assert params == {"k": 3, "t": 2}
    for other in (clone(ood), OutOfDistribution(**ood.get_params())):
        assert other.params["knn"] is None
        assert other.get_params() == ood.get_params()
        assert np.array_equal(other.fit_score(features=features), scores)
    assert clone(OutOfDistribution()).get_params() == {"params": None}
    again = OutOfDistribution().set_params(**ood.get_params())
    assert np.array_equal(again.fit_score(features=features), scores)
    assert repr(ood) == "OutOfDistribution({'k': 3, 't': 2})"
    fitted = copy.deepcopy(ood)
    np.testing.assert_allclose(fitted.score(features=features), ood.score(features=features))


def test_objects_do_not_share_parameters(features, probs, labels):
    first, second = OutOfDistribution(), OutOfDistribution()
    first.fit(features=features)
    first.fit(pred_probs=probs, labels=labels)
    assert second.params["knn"] is None
    assert OutOfDistribution.DEFAULT_PARAM_DICT["knn"] is None
    assert OutOfDistribution.DEFAULT_PARAM_DICT["confident_thresholds"] is None


def test_outliers_score_low(features):
    features[7] *= -20
    features[7, 0] += 100
    three = features[:, :3]
    scores = OutOfDistribution().fit_score(features=three)
    assert scores.argmin() == 7
    assert ((scores >= 0) & (scores <= 1)).all()


def test_score_reuses_the_scale_of_the_fit(features):
    ood = OutOfDistribution({"k": 4})
    assert ood.fit(features=features) is ood
    scale = ood.params["scaling_factor"]
    knn = ood.params["knn"]
    assert (knn.n_neighbors, knn.metric) == (4, "cosine")
    new = np.random.default_rng(2).normal(size=(9, 5))
    expected = np.exp(-knn.kneighbors(new)[0].mean(axis=1) / scale)
    np.testing.assert_allclose(ood.score(features=new), expected)
    assert ood.params["scaling_factor"] == scale


def test_second_fit_warns_and_keeps_the_first(features, probs, labels):
    ood = OutOfDistribution()
    ood.fit(features=features)
    knn = ood.params["knn"]
    with pytest.warns(InputWarning, match="already fitted"):
        ood.fit(features=features[:20])
    assert ood.params["knn"] is knn
    ood.fit(pred_probs=probs, labels=labels)
    thresholds = ood.params["confident_thresholds"]
    with pytest.warns(InputWarning, match="already has confident_thresholds"):
        ood.fit(pred_probs=probs[:20], labels=labels[:20])
    assert ood.params["confident_thresholds"] is thresholds


def test_given_estimator_is_not_touched(features):
    fitted = NearestNeighbors(n_neighbors=5, metric="manhattan").fit(features)
    ood = OutOfDistribution({"knn": fitted})
    scores = ood.score(features=features)
    means = fitted.kneighbors(features)[0].mean(axis=1)
    np.testing.assert_allclose(scores, np.exp(-means / np.median(means)))
    assert ood.params["knn"] is fitted

    fresh = NearestNeighbors(n_neighbors=5)
    ood = OutOfDistribution({"knn": fresh})
    with pytest.raises(InputError, match="not fitted to features yet"):
        ood.score(features=features)
    ood.fit(features=features)
    assert not hasattr(fresh, "n_samples_fit_")
    assert ood.score(features=features[:4]).shape == (4,)


def test_k_above_that_of_the_estimator_is_lowered(features):
    knn = NearestNeighbors(n_neighbors=5).fit(features)
    with pytest.warns(InputWarning, match="k=9 is lowered to 5"):
        scores = OutOfDistribution({"knn": knn, "k": 9}).score(features=features)
    assert np.array_equal(scores, OutOfDistribution({"knn": knn}).score(features=features))


def test_copies_have_no_distance(features):
    copies = np.tile(features[:1], (20, 1))
    scores = OutOfDistribution().fit_score(features=np.r_[features, copies])
    assert (scores[60:] == 1).all()
    assert (OutOfDistribution().fit_score(features=copies) == 1).all()


def test_a_handful_of_rows(features):
    ood = OutOfDistribution()
    assert ood.fit_score(features=features[:8]).shape == (8,)
    assert (ood.params["k"], ood.params["knn"].n_neighbors) == (None, 7)


def test_any_array_like(features, probs, labels):
    expected = OutOfDistribution().fit_score(features=features)
    assert np.array_equal(OutOfDistribution().fit_score(features=features.tolist()), expected)
    expected = OutOfDistribution().fit_score(pred_probs=probs, labels=labels)
    got = OutOfDistribution().fit_score(pred_probs=probs.tolist(), labels=labels.tolist())
    assert np.array_equal(got, expected)
    thresholds = [0.2, 0.3, 0.4, 0.5]
    listed = OutOfDistribution({"confident_thresholds": thresholds}).score(pred_probs=probs)
    array = OutOfDistribution({"confident_thresholds": np.array(thresholds)})
    assert np.array_equal(listed, array.score(pred_probs=probs))


def test_adjustment_can_be_left_out(probs, labels):
    ood = OutOfDistribution({"adjust_pred_probs": False})
    plain = ood.score(pred_probs=probs)
    assert np.array_equal(ood.fit_score(pred_probs=probs), plain)
    with pytest.warns(InputWarning, match="`labels` are not used"):
        ood.fit(pred_probs=probs, labels=labels)
    with pytest.warns(InputWarning, match="`confident_thresholds` are not used"):
        OutOfDistribution({"adjust_pred_probs": False, "confident_thresholds": np.ones(4)}).score(
            pred_probs=probs
        )


def test_inputs_stay_as_they_are(features, probs, labels):
    before = features.copy(), probs.copy(), labels.copy()
    OutOfDistribution().fit_score(features=features)
    OutOfDistribution().fit_score(pred_probs=probs, labels=labels)
    for array, copy_ in zip((features, probs, labels), before, strict=True):
        assert np.array_equal(array, copy_)


def test_logs_when_verbose(features, probs, labels, caplog, capsys):
    with caplog.at_level("INFO", logger="datalab"):
        OutOfDistribution().fit(features=features, verbose=False)
        OutOfDistribution().fit(pred_probs=probs, labels=labels, verbose=False)
        assert not caplog.records
        OutOfDistribution().fit(features=features)
        OutOfDistribution().fit(pred_probs=probs, labels=labels)
    assert [record.getMessage() for record in caplog.records] == [
        "fitting to the features of 60 examples",
        "fitting to the pred_probs of 60 examples",
    ]
    assert capsys.readouterr().out == ""


def test_unknown_parameter():
    with pytest.raises(InputError, match=r"unknown key 'kk'.*did you mean 'k'"):
        OutOfDistribution({"kk": 3})
    with pytest.raises(InputError, match="unknown key 'scaling_factor'"):
        OutOfDistribution({"scaling_factor": 3})


def test_bad_input(features, probs, labels):
    with pytest.raises(InputError, match="got neither"):
        OutOfDistribution().fit_score()
    with pytest.raises(InputError, match="got both"):
        OutOfDistribution().fit(features=features, pred_probs=probs)
    with pytest.raises(InputError, match=r"`features` must have shape \(N, M\)"):
        OutOfDistribution().fit(features=features[:, 0])
    bad = features.copy()
    bad[3, 1] = np.nan
    with pytest.raises(InputError, match="`features` has nan in row 3, column 1"):
        OutOfDistribution().fit_score(features=bad)
    for k in (60, 100):
        with pytest.raises(InputError, match=f"`k` is {k}, but among 60 examples"):
            OutOfDistribution({"k": k}).fit_score(features=features)
    for k in (0, 2.5, "many"):
        with pytest.raises(InputError, match="`k` must be an integer >= 1"):
            OutOfDistribution({"k": k}).fit_score(features=features)
    with pytest.raises(InputError, match="not fitted to features yet"):
        OutOfDistribution().score(features=features)
    with pytest.raises(InputError, match="`features` has 1 rows; neighbours need at least 2"):
        OutOfDistribution().fit_score(features=features[:1])
    with pytest.raises(InputError, match="`features` has 4 columns but 5 were fitted"):
        OutOfDistribution().fit(features=features).score(features=features[:, :4])
    for t in (-1, "1", None):
        with pytest.raises(InputError, match="`t` must"):
            OutOfDistribution({"t": t}).fit_score(features=features)
    with pytest.raises(InputError, match="not fitted to pred_probs yet"):
        OutOfDistribution().score(pred_probs=probs)
    with pytest.raises(InputError, match="`labels` are needed to adjust"):
        OutOfDistribution().fit_score(pred_probs=probs)
    with pytest.raises(InputError, match="`method` is 'entropie'; did you mean 'entropy'"):
        OutOfDistribution({"method": "entropie"}).fit_score(pred_probs=probs, labels=labels)
    with pytest.raises(InputError, match=r"`confident_thresholds` must have shape \(4,\)"):
        OutOfDistribution({"confident_thresholds": np.ones(3)}).score(pred_probs=probs)
    with pytest.raises(InputError, match="`M` must be an integer >= 1"):
        OutOfDistribution({"method": "gen", "M": 0, "adjust_pred_probs": False}).score(
            pred_probs=probs
        )
    with pytest.raises(InputError, match=r"labels.*60"):
        OutOfDistribution().fit(pred_probs=probs, labels=labels[:-1])
    with pytest.raises(InputError):
        OutOfDistribution().fit(pred_probs=probs, labels=labels * 0)


def test_gen_of_few_classes_warns(probs):
    ood = OutOfDistribution({"method": "gen", "adjust_pred_probs": False})
    with pytest.warns(InputWarning, match="`M` is 100 but there are 4 classes"):
        ood.score(pred_probs=probs)


def test_import_is_light():
    import subprocess
    import sys

    code = (
        "import sys, datalab.outlier, datalab.data_valuation\n"
        "heavy = {'pandas', 'sklearn', 'matplotlib', 'datasets', 'scipy.sparse'}\n"
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
