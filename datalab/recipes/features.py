"""Features made from the data: tables, texts, images."""

import numpy as np

from datalab._data.columns import numeric_columns, numeric_table
from datalab._data.table import Images, Table
from datalab.artefacts import Made, NotMeant, recipe
from datalab.exceptions import NotApplicable

__all__: list[str] = []

# Latent semantic analysis works with about a hundred dimensions.
TEXT_COMPONENTS, MAX_TERMS = 100, 50_000
# So many columns are named in a note.
MAX_NAMES = 8
IMAGE_SIDE = 16


@recipe("features", rules=("datalab",))
def features_of_table(table: Table, *, features_from: str) -> Made:
    """The numeric columns, standardised; a missing value takes the median of its column."""
    _only(features_from, "table")
    columns = [name for name in numeric_columns(table.source)[0] if name in table.columns]
    if not columns:
        raise NotApplicable(
            "the data has no numeric columns, texts or images to make features of: give features="
        )
    values = numeric_table(table.source, columns)
    if table.rows is not None:
        values = values[table.rows]
    more = ", …" if len(columns) > MAX_NAMES else ""
    named = f"{', '.join(columns[:MAX_NAMES])}{more}"
    note = f"{len(columns)} numeric columns ({named}), standardised"
    missing = np.isnan(values)
    empty = missing.all(axis=1)
    rows = None
    if empty.any():
        rows = np.flatnonzero(~empty)
        values, missing = values[rows], missing[rows]
        note += f"; {int(empty.sum())} rows without any value left out"
    values = np.where(missing, np.nanmedian(values, axis=0), values)
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return Made(scaled.astype(np.float32), note, rows)


@recipe("features", rules=("datalab",))
def features_of_text(text: list[str], *, features_from: str, random_state: int) -> Made:
    """Latent semantic analysis: TF-IDF of words and pairs of words, its leading components.

    References
    ----------
    S. Deerwester et al.: Indexing by latent semantic analysis, JASIS 41 (1990).
    """
    _only(features_from, "text")
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    # Words of one character count: they are all that differs between "part 1" and "part 2".
    vectorizer = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        max_features=MAX_TERMS,
        token_pattern=r"\b\w+\b",  # noqa: S106 (no password)
    )
    try:
        terms = vectorizer.fit_transform(text)
    except ValueError as error:  # no words at all
        raise NotApplicable(f"the texts have no words to compare ({error})") from error
    size = min(TEXT_COMPONENTS, min(terms.shape) - 1)
    if size < 1:
        raise NotApplicable("the texts have too few different words to compare")
    reduced = TruncatedSVD(size, random_state=random_state).fit_transform(terms)
    made = normalize(reduced).astype(np.float32)
    return Made(made, f"{size} components of TF-IDF of the texts")


@recipe("features", rules=("datalab",))
def features_of_images(images: Images, *, features_from: str) -> Made:
    """Each image in grey, reduced to 16 x 16 pixels; unreadable ones are left out."""
    _only(features_from, "images")
    rows, pixels = [], []
    for row, image in enumerate(images):
        if hasattr(image, "convert"):
            small = image.convert("L").resize((IMAGE_SIDE, IMAGE_SIDE))
            rows.append(row)
            # Grey is 0, and all pictures have the same contrast: their direction is what they show.
            picture = np.asarray(small, dtype=np.float32).ravel() / 127.5 - 1.0
            pixels.append(picture / max(float(np.linalg.norm(picture)), 1e-6))
    if not rows:
        raise NotApplicable("none of the images can be read")
    left_out = len(images) - len(rows)
    note = f"{IMAGE_SIDE} x {IMAGE_SIDE} grey pixels of the images"
    if not left_out:
        return Made(np.stack(pixels), note)
    return Made(
        np.stack(pixels), f"{note}; {left_out} could not be read", np.array(rows, dtype=np.intp)
    )


def _only(features_from: str, kind: str) -> None:
    if features_from != kind:
        raise NotMeant(f"features are made from the {features_from}")
