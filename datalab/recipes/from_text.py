"""Texts as weights of words and characters, and as the leading components of these.

Every script is served: words are runs of letters with their marks (as vowel signs of Indic
scripts), and in scripts that put no blanks between words every character counts as one.
"""

from typing import Any, NamedTuple

import numpy as np

from datalab._typing import FloatArray, IndexArray

__all__ = ["TextBlocks", "encode_texts", "reduce_terms"]

COMPONENTS = 300
MAX_WORDS, MAX_PIECES = 50_000, 50_000
# Budgets in characters: of all texts together, and the least that is read of each text.
WORD_BUDGET, PIECE_BUDGET, LEAST = 60_000_000, 10_000_000, 200
# With fewer characters of each text than this, pieces of words say nothing.
WORTHWHILE = 20
# From so many texts on, what stands in one text only is left out.
ENOUGH_TEXTS = 200
# The vocabulary and the components are learned from so many texts.
MAX_FITTED = 50_000

# Thai, Lao, Tibetan, Burmese, Khmer, kana, Chinese characters, Yi.
_NO_BLANKS = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3040-\u30ff"
    "\u3400-\u9fff\ua000-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff"
)
_PUNCTUATION = (
    r"\x00-/:-@\[-`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u060c\u061b\u061f\u06d4\u0964\u0965"
    r"\u2000-\u206f\u3000-\u3004\u3008-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
WORD = rf"[{_NO_BLANKS}]|[^\s{_PUNCTUATION}{_NO_BLANKS}]+"


class TextBlocks(NamedTuple):
    """What texts become.

    Parameters
    ----------
    terms : scipy.sparse.csr_array of shape (N, T), float32
        TF-IDF of words, pairs of words and pieces of words; rows of length 1 (or 0).
    vector : ndarray of shape (N, d), float32
        Its leading components.
    """

    terms: Any
    vector: FloatArray


def encode_texts(texts: list[str], random_state: int) -> TextBlocks | None:
    """Weights of words and pieces of words, and their leading components; None without words.

    Parameters
    ----------
    texts : list of str
    random_state : int

    Notes
    -----
    Latent semantic analysis: Deerwester et al., JASIS 41 (1990). Time grows with the number of
    characters up to the budgets above; beyond them only the beginning of each text is read.
    Vocabulary and components are learned from at most 50,000 texts, spread over the data.
    """
    import scipy.sparse as sp

    n_texts = max(len(texts), 1)
    fitted = np.unique(np.linspace(0, n_texts - 1, min(n_texts, MAX_FITTED)).astype(np.intp))
    blocks = []
    for options, budget, at_least in (
        ({"ngram_range": (1, 2), "token_pattern": WORD, "max_features": MAX_WORDS},
         WORD_BUDGET, LEAST),
        ({"ngram_range": (2, 5), "analyzer": "char_wb", "max_features": MAX_PIECES},
         PIECE_BUDGET, 0),
    ):  # fmt: skip
        length = max(budget // n_texts, at_least)
        if length >= WORTHWHILE:
            weights = _weights([text[:length] for text in texts], fitted, options)
            if weights is not None:
                blocks.append(weights)
    if not blocks:
        return None
    terms = sp.csr_array(sp.hstack(blocks, format="csr") / np.sqrt(len(blocks)), dtype=np.float32)
    vector = reduce_terms(terms, fitted, random_state)
    return None if vector is None else TextBlocks(terms, vector)


def _weights(texts: list[str], fitted: IndexArray, options: dict[str, Any]) -> Any:
    """TF-IDF of the texts, or None when they have nothing in common."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = 2 if len(texts) >= ENOUGH_TEXTS else 1
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=least, dtype=np.float32, **options)
    try:
        if len(fitted) == len(texts):
            return vectorizer.fit_transform(texts)
        return vectorizer.fit([texts[row] for row in fitted]).transform(texts)
    except ValueError:  # no words at all
        return None


def reduce_terms(
    terms: Any, fitted: IndexArray, random_state: int, size: int = COMPONENTS
) -> FloatArray | None:
    """The leading components of sparse weights, (N, at most `size`); None when there is one term.

    Components are learned from the rows `fitted`.
    """
    from sklearn.decomposition import TruncatedSVD

    size = min(size, min(terms.shape) - 1, len(fitted) - 1)
    if size < 1:
        return None
    model = TruncatedSVD(size, n_iter=2, random_state=random_state)
    whole = len(fitted) == terms.shape[0]
    with np.errstate(divide="ignore", invalid="ignore"):  # shares of no variance: equal texts
        reduced = model.fit_transform(terms) if whole else model.fit(terms[fitted]).transform(terms)
    made: FloatArray = reduced.astype(np.float32)
    return made
