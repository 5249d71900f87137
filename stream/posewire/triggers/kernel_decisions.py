"""From conditions to decisions: episodes, what forbids a rule to fire, and what is told."""

from __future__ import annotations

import math

import numpy as np

from posewire.triggers import layout as k
from posewire.triggers.compilation import part


@part
def tell(count, rule, row, animal, code, now_ns, answer):  # type: ignore[no-untyped-def]
    """Adds an outcome; the new count."""
    outcome = answer.outcomes[count]
    outcome.rule, outcome.row, outcome.animal, outcome.code, outcome.time_ns = rule, row, animal, code, now_ns
    return count + 1


@part
def empty(episode):  # type: ignore[no-untyped-def]
    """No stretch."""
    episode.on = 0
    episode.holds = 0
    episode.fired = 0
    episode.told = 0


@part
def decide(n, rows, count, now_ns, elapsed_ns, age_ns, program, memory, frame, answer):  # type: ignore[no-untyped-def]
    """Rule ``n`` in this frame; the new count of outcomes."""
    rule = program.rules[n]
    anybody = memory.ids.shape[0] - 1
    holding = active = False
    for slot in range(anybody + 1):
        episode = memory.episodes[0, n, slot]
        if slot < anybody and (not episode.on or _is_here(slot, rows, frame)):
            continue
        if episode.on and now_ns - episode.last_ns > rule.gap_ns:
            count = _end(episode, count, n, memory.ids[slot], now_ns, answer)
        holding = holding or (slot < anybody and episode.holds != 0)
        active = active or (slot < anybody and episode.fired != 0)
    unknown = unknown_lenient = False
    for row in range(rows):
        if rule.role >= 0 and frame.rows[rule.role] != row:
            continue
        slot = frame.slots[row]
        reason = _forbids(n, rule, row, now_ns, elapsed_ns, age_ns, program, memory, frame)
        episode = memory.episodes[0, n, slot]
        truth = frame.results[row, rule.root]
        if slot == anybody:
            truth = _of_unknown(truth, rule)
            unknown = unknown or truth == 1.0
        if _go_on(episode, truth, now_ns, rule.dwell_ns, rule.gap_ns):
            count = tell(count, n, row, frame.ids[row], k.ENDED, now_ns, answer)
        repeats = rule.repeat_ns > 0 and now_ns - episode.fired_ns >= rule.repeat_ns
        if truth == 1.0 and episode.holds and (not episode.fired or repeats):
            if reason == k.NOTHING:
                episode.fired, episode.fired_ns = 1, now_ns
                memory.fired[n, 0], memory.fired[n, 1] = 1, now_ns
                count = tell(count, n, row, frame.ids[row], k.FIRED, now_ns, answer)
            elif not episode.told >> reason & 1:
                episode.told |= 1 << reason
                count = tell(count, n, row, frame.ids[row], reason, now_ns, answer)
        holding = holding or (slot < anybody and episode.holds != 0)
        active = active or (slot < anybody and episode.fired != 0)
        if rule.lenient >= 0:
            second = memory.episodes[1, n, slot]
            truth = frame.results[row, rule.lenient]
            if slot == anybody:
                truth = _of_unknown(truth, rule)
                unknown_lenient = unknown_lenient or truth == 1.0
            _go_on(second, truth, now_ns, rule.dwell_ns, rule.gap_ns)
            if truth == 1.0 and second.holds and not second.told and not episode.holds and reason == k.NOTHING:
                second.told = 1
                count = tell(count, n, row, frame.ids[row], k.SCORE, now_ns, answer)
    episode = memory.episodes[0, n, anybody]
    if episode.on and not unknown:
        count = _end(episode, count, n, -1, now_ns, answer)
    if not unknown_lenient:
        empty(memory.episodes[1, n, anybody])
    holding = holding or episode.holds != 0
    active = active or episode.fired != 0
    answer.holding[n] = holding
    answer.active[n] = active
    return count


@part
def _end(episode, count, n, animal, now_ns, answer):  # type: ignore[no-untyped-def]
    """Ends an episode of an animal that is not there; the new count of outcomes."""
    if episode.fired:
        count = tell(count, n, -1, animal, k.ENDED, now_ns, answer)
    empty(episode)
    return count


@part
def _of_unknown(truth, rule):  # type: ignore[no-untyped-def]
    """Truth for an animal of unknown id: one that is not true is none, since another one may go on with the episode."""
    return 1.0 if truth == 1.0 and rule.dwell_ns <= 0 else np.nan


@part
def follow(n, rows, now_ns, elapsed_ns, age_ns, program, memory, frame):  # type: ignore[no-untyped-def]
    """The value of rule ``n``, scaled and clamped; NaN if unknown."""
    rule = program.rules[n]
    for row in range(rows):
        value = frame.results[row, rule.root]
        if (rule.role >= 0 and frame.rows[rule.role] != row) or math.isnan(value):
            continue
        if _forbids(n, rule, row, now_ns, elapsed_ns, age_ns, program, memory, frame) != k.NOTHING:
            continue
        share = (value - rule.from_0) / (rule.from_1 - rule.from_0)
        scaled = rule.to_0 + share * (rule.to_1 - rule.to_0)
        return min(max(scaled, min(rule.to_0, rule.to_1)), max(rule.to_0, rule.to_1))
    return np.nan


@part
def _is_here(slot, rows, frame):  # type: ignore[no-untyped-def]
    here = False
    for row in range(rows):
        here = here or frame.slots[row] == slot
    return here


@part
def _go_on(episode, truth, now_ns, dwell_ns, gap_ns):  # type: ignore[no-untyped-def]
    """Takes in a frame. True if an episode has ended in which the rule had fired."""
    ended = False
    if episode.on and (truth == 0.0 or now_ns - episode.last_ns > gap_ns):
        ended = episode.fired != 0
        empty(episode)
    if truth == 1.0:
        if not episode.on:
            episode.on = 1
            episode.since_ns = now_ns
        episode.last_ns = now_ns
        if now_ns - episode.since_ns >= dwell_ns:
            episode.holds = 1
    return ended


@part
def _forbids(n, rule, row, now_ns, elapsed_ns, age_ns, program, memory, frame):  # type: ignore[no-untyped-def]
    """The first of what forbids rule ``n`` to fire for the animal of ``row``, or NOTHING."""
    if elapsed_ns < rule.armed_from_ns or elapsed_ns >= rule.armed_until_ns:
        return k.ARMING
    if age_ns > rule.max_age_ns:
        return k.AGE
    if rule.min_id_score > 0.0:
        if frame.ids[row] < 0 or not frame.id_scores[row] >= rule.min_id_score:
            return k.ID
        for m in range(rule.named, rule.named + rule.names):
            other = frame.rows[program.named[m]]
            if other >= 0 and not frame.id_scores[other] >= rule.min_id_score:
                return k.ID
    if memory.fired[n, 0] and now_ns - memory.fired[n, 1] < rule.refractory_ns:
        return k.REFRACTORY
    return k.NOTHING
