"""webtoon_genre/features/finite.py: NaN and infinity are one line with where they are and what to do."""

import numpy as np
import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.finite import check_batch, non_finite


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1, -3e38], None), ([1, np.inf], "inf"), ([-np.inf, 0], "inf"), ([np.inf, np.nan], "nan"), ([], None)],
)
def test_nan_and_infinity_are_told_apart(values, kind):
    assert non_finite(np.float32(values)) == kind


def test_half_precision_overflows_above_65504():
    with np.errstate(over="ignore"):
        assert non_finite(np.float32([65_504, 70_000]).astype(np.float16)) == "inf"


def test_a_batch_is_named_by_its_images_from_1():
    arrays = [np.zeros((3, 2)), np.array([[0.0], [np.inf], [0.0]])]
    check_batch(arrays[:1], "vgg16: features of", 1000, 1203)
    with pytest.raises(InputError) as caught:
        check_batch(arrays, "vgg16: features of", 1000, 1203)
    assert str(caught.value) == (
        "vgg16: features of images 1,001 to 1,003 of 1,203: the backbone's output holds inf; "
        "use other weights (pretrained.weights), or runtime.precision float32"
    )
