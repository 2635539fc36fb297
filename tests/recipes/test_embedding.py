"""Features by a function of the user's own: what it may return, and what is said otherwise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from datalab import Datalab
from datalab.exceptions import InputTypeError
from datalab.recipes.embedding import embedded

TEXTS = ["a", "bb", "ccc"]


class Tensor:
    """Something that only becomes an array."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, dtype=np.float16)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values.astype(dtype or self.values.dtype)


@pytest.mark.parametrize(
    "embed",
    [
        lambda texts: [[len(t), 1] for t in texts],
        lambda texts: ([len(t), 1] for t in texts),
        lambda texts: [Tensor([len(t), 1]) for t in texts],
        lambda texts: Tensor([[len(t), 1] for t in texts]),
    ],
)
def test_what_it_may_return(embed: Callable[[Any], Any]) -> None:
    lab = Datalab({"t": TEXTS}, text_key="t", verbosity=0)
    lab.find_issues(["null"], embed=embed)
    held = lab._artefacts.held("features")
    assert held is not None
    assert held.value.tolist() == [[1, 1], [2, 1], [3, 1]]


def test_nothing_is_no_embedding() -> None:
    with pytest.raises(InputTypeError, match="`embed` returned None"):
        embedded(lambda texts: None, TEXTS, "text")


def test_a_function_of_a_single_text_is_told_how_it_was_called() -> None:
    with pytest.raises(AttributeError, match="strip") as caught:
        embedded(lambda text: text.strip(), TEXTS, "text")
    assert "with the list of all 3 text" in caught.value.__notes__[0]
