from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.triggers.controls import Past, Schedule, Shams, schedule_of
from posewire.triggers.rules import Control, Rule
from posewire_models.errors import InputError

RULE = Rule("corner", ("light",))


@given(st.integers(0, 20), st.integers(1, 20), st.integers(0, 2**31))
def test_every_block_has_its_share_of_shams(shams: int, block: int, seed: int) -> None:
    shams = min(shams, block)
    drawn = Shams(shams / block, block, seed, "corner")
    for _ in range(5):
        assert abs(sum(drawn.next() for _ in range(block)) - shams) <= (1 if shams / block * block != shams else 0)


def test_shams_are_the_same_for_a_seed_and_others_for_another_rule() -> None:
    def drawn(seed: int, rule: str) -> list[bool]:
        shams = Shams(0.5, 10, seed, rule)
        return [shams.next() for _ in range(100)]

    assert drawn(1, "corner") == drawn(1, "corner")
    assert len({tuple(drawn(seed, rule)) for seed in (1, 2) for rule in ("corner", "nest")}) == 4


def test_a_share_that_no_block_has_is_right_on_average() -> None:
    shams = Shams(0.15, 10, 0, "corner")
    assert sum(shams.next() for _ in range(10_000)) == pytest.approx(1500, abs=60)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 100)), max_size=20), st.lists(st.integers(0, 200)))
def test_a_schedule_tells_each_edge_once_in_order(stimuli: list[tuple[int, int]], steps: list[int]) -> None:
    pairs = tuple((start, start + lasting) for start, lasting in stimuli)
    schedule = Schedule(pairs)
    now, told = 0, []
    for step in [*steps, 10_000]:
        now += step
        told += [(now, what) for what in schedule.due(now)]
    assert sum(what for _, what in told) == sum(not what for _, what in told) == len(pairs)
    for start, _ in pairs:
        assert any(what and now >= start for now, what in told)


def past(log: str, rule: str) -> Past:
    known = {"yesterday.jsonl": Past(((100, 150), (400, None), (900, 1000)), 2000)}
    return known[log] if rule == "corner" else Past((), 2000)


def test_yoked_replays_the_times_of_a_log() -> None:
    schedule = schedule_of(replace(RULE, control=Control(yoked="yesterday.jsonl")), 0, past, True)
    assert schedule is not None
    assert [schedule.due(now) for now in (99, 100, 160, 2000)] == [[], [True], [False], [True, True, False]]


def test_matched_has_as_many_and_as_long_at_other_times() -> None:
    rule = replace(RULE, control=Control(matched="yesterday.jsonl"))
    edges = []
    schedule = schedule_of(rule, 3, past, True)
    assert schedule is not None
    for now in range(2100):
        edges += [(now, what) for what in schedule.due(now)]
    starts = [now for now, what in edges if what]
    assert len(starts) == 3
    assert set(starts) != {100, 400, 900}
    assert sum(not what for _, what in edges) == 2


def test_random_times_have_their_rate() -> None:
    rule = replace(RULE, control=Control(random_per_minute=30))
    schedule = schedule_of(rule, 1, past, False)
    assert schedule is not None
    count = len(schedule.due(60_000_000_000 * 60))
    assert count == pytest.approx(1800, abs=150)
    with pytest.raises(InputError, match=r"corner.*matched = LOG"):
        schedule_of(rule, 1, past, True)


def test_a_log_without_the_rule_is_refused() -> None:
    with pytest.raises(InputError, match=r"nest.*yesterday.jsonl.*no rule of this name"):
        schedule_of(replace(RULE, name="nest", control=Control(yoked="yesterday.jsonl")), 0, past, False)


def test_a_rule_without_control_decides_by_itself() -> None:
    assert schedule_of(replace(RULE, control=Control(sham=0.2)), 0, past, False) is None
