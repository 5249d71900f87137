from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from posewire.dryrun.summary import busiest, clock_text


@given(st.lists(st.floats(0, 500), max_size=40).map(sorted))
def test_the_busiest_minute_is_that_of_the_slow_count(moments):
    slow = max((sum(0 <= other - first < 60 for other in moments) for first in moments), default=0)
    assert busiest(moments) == slow


def test_times_are_minutes_seconds_and_ms():
    assert clock_text(0.0) == "00:00.000"
    assert clock_text(61.2345) == "01:01.234"
    assert clock_text(3599.9996) == "60:00.000"
