"""Features by a function of the user's own, or by a sentence model that the user names."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from datalab._optional import require
from datalab.exceptions import InputError, InputTypeError

__all__ = ["embedded"]


def embedded(embed: Any, cells: Sequence[Any] | NDArray[Any] | None, kind: str) -> Any:
    """What `embed` makes of the texts, images or recordings; one row for each.

    Parameters
    ----------
    embed : callable or str
        Called once with the list of cells; a name loads that model by ``sentence-transformers``
        (for texts).
    cells : sequence, optional
        None when the data has none.
    kind : str
        What they are.

    Raises
    ------
    InputError, InputTypeError
        There is nothing to embed, or `embed` is neither a function nor the name of a model.
    MissingDependency
        A model was named and ``sentence-transformers`` is not installed.
    """
    if cells is None:
        raise InputError(
            "embed= needs texts, images or audio: give text_key=, image_key= or audio_key= to "
            "Datalab"
        )
    if isinstance(embed, str):
        if kind != "text":
            raise InputError(f"embed={embed!r} names a model of sentences, but the data has {kind}")
        sentences = require("sentence_transformers", extra="embed", purpose="embed= with a name")
        embed = sentences.SentenceTransformer(embed).encode
    if not callable(embed):
        raise InputTypeError(
            f"`embed` must be a function of a list, or the name of a sentence model, got "
            f"{type(embed).__name__}"
        )
    try:
        made = embed(list(cells))
    except Exception as error:
        error.add_note(f"`embed` was called once, with the list of all {len(cells)} {kind}")
        raise
    if made is None:
        raise InputTypeError("`embed` returned None; it must return one row of numbers for each")
    return list(made) if hasattr(made, "__next__") else made
