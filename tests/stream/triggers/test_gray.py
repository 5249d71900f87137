"""Mean gray of regions against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.triggers.gray import mean_gray

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
IMAGE.setflags(write=False)


@given(st.integers(-5, 40), st.integers(-5, 30), st.integers(0, 50), st.integers(0, 40), st.booleans(), st.booleans())
def test_any_region(x, y, width, height, colours, turned):
    image = IMAGE if colours else IMAGE[..., 1]
    if turned:
        image = image[::-1, ::2]
    part = image[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)].astype(float)
    found = mean_gray(image, (x, y, width, height))
    if part.size == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx((part @ [0.114, 0.587, 0.299] if colours else part).mean())


def test_another_image_is_refused():
    with pytest.raises(TypeError):
        mean_gray(IMAGE.astype(np.float32), (0, 0, 4, 4))
