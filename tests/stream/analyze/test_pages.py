"""Times that rise, whatever a container tells."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from posewire.analyze.pages import Times

STAMPS = st.lists(st.one_of(st.floats(-10, 1e6), st.just(0.0), st.just(math.nan)), max_size=50)


@given(STAMPS, st.floats(0.1, 1000))
def test_times_rise_and_are_the_containers_where_these_do(stamps, fps):
    times = Times(fps)
    told = [times.take(stamp) for stamp in stamps]
    assert all(a < b for a, b in itertools.pairwise(told))
    assert times.guessed == sum(a != b for a, b in zip(told, stamps, strict=True))


@given(STAMPS, st.integers(0, 50))
def test_times_go_on_where_they_were_left(stamps, at):
    whole = Times(30.0)
    expected = [whole.take(stamp) for stamp in stamps]
    first = Times(30.0)
    told = [first.take(stamp) for stamp in stamps[:at]]
    second = Times(30.0, told[-1] if told else None, first.guessed)
    told += [second.take(stamp) for stamp in stamps[at:]]
    assert told == expected
    assert second.guessed == whole.guessed


def test_without_stamps_the_frame_rate_tells():
    times = Times(50.0)
    told = [times.take(0.0) for _ in range(5)]
    assert [round(time_s, 9) for time_s in told] == [0.0, 0.02, 0.04, 0.06, 0.08]
    assert times.guessed == 4
