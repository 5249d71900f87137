"""Trains in time: by the schedule where nothing is late; never a longer pulse, nor half a pause, where something is."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from posewire.outputs.guard_timers import Train, train_ns
from posewire.outputs.spec import OutputSpec

TRAINS = st.builds(
    lambda delay, width, pause, count: OutputSpec(
        "light", "virtual-led", delay_ns=delay, width_ns=width, period_ns=width + pause, count=count
    ),
    st.integers(0, 1000),
    st.integers(1, 1000),
    st.integers(1, 1000),
    st.integers(1, 20),
)


def edges(spec: OutputSpec, now: int, late: list[int]) -> list[tuple[int, bool]]:
    """When each edge is done, if the n-th one is ``late[n]`` late (0 beyond)."""
    train, done = Train(spec, now + spec.delay_ns), []
    while not train.over:
        at, rising = train.due_ns + (late[len(done)] if len(done) < len(late) else 0), train.rising
        train.done(at)
        done.append((at, rising))
    return done


@given(spec=TRAINS, now=st.integers(0, 10**12))
def test_a_train_in_time_keeps_its_schedule(spec: OutputSpec, now: int) -> None:
    expected = []
    for pulse in range(spec.count):
        start = now + spec.delay_ns + pulse * spec.period_ns
        expected += [(start, True), (start + spec.width_ns, False)]
    assert edges(spec, now, []) == expected
    assert expected[-1][0] == now + train_ns(spec)


@given(spec=TRAINS, late=st.lists(st.integers(0, 3000), max_size=40))
def test_a_late_train_is_never_squeezed(spec: OutputSpec, late: list[int]) -> None:
    done = edges(spec, 0, late)
    assert [rising for _, rising in done] == [True, False] * spec.count
    late += [0] * len(done)
    pause = spec.period_ns - spec.width_ns
    for n, ((at, rising), (following, _)) in enumerate(pairwise(done)):
        if rising:
            assert following == at + spec.width_ns + late[n + 1]
        else:
            assert following >= at + pause // 2
        if rising:
            assert at >= spec.delay_ns + n // 2 * spec.period_ns  # never before the schedule
