"""How rules and their memory lie in arrays for the kernel.

Nodes (quantities and conditions) stand in the order in which they are computed, inner ones first. Those of all rules
that read keypoints alike (same array, ``min_score`` and ``gap_ns``: a *reading*) stand together, equal ones once. What
a node remembers of an animal stands at the node's offsets in the animal's slot; zeros are an empty memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

QUANTITIES = (
    "x", "y", "score", "distance", "angle", "heading", "bearing", "speed", "rate", "posture", "gray", "zscore", "phase",
    "classifier", "number", "add", "subtract", "multiply", "divide", "minimum", "maximum", "negate", "absolute",
    "square_root", "sine", "cosine",
)  # fmt: skip
CONDITIONS = (
    "compare", "inside", "enter", "leave", "rising", "falling", "peak", "trough", "all", "any", "not", "sequence",
)  # fmt: skip
KINDS = QUANTITIES + CONDITIONS
"""A node's ``kind`` is the index of its name here. ``rate`` is what acceleration and approach are made of."""

(
    X, Y, SCORE_OF, DISTANCE, ANGLE, HEADING, BEARING, SPEED, RATE, POSTURE, GRAY, ZSCORE, PHASE,
    CLASSIFIER, NUMBER, ADD, SUBTRACT, MULTIPLY, DIVIDE, MINIMUM, MAXIMUM, NEGATE, ABSOLUTE,
    SQUARE_ROOT, SINE, COSINE,
    COMPARE, INSIDE, ENTER, LEAVE, RISING, FALLING, PEAK, TROUGH, ALL_OF, ANY_OF, NOT, SEQUENCE,
) = range(len(KINDS))  # fmt: skip

# Codes of outcomes. The last four are what may forbid a rule to fire.
FIRED, ENDED, SCORE, ID, AGE, REFRACTORY, ARMING = range(7)
NAMES = ("fired", "ended", "score", "id", "age", "refractory", "arming")
NOTHING = -1

# `POINT.who`, beside the number of a role.
OF_SELF, OF_OTHER = -1, -2

NODE = np.dtype(
    [
        ("kind", np.int64),
        ("first", np.int64),  # of its inner nodes, in `Program.inner`
        ("count", np.int64),
        ("point", np.int64),  # of its points, in `Program.points`
        ("points", np.int64),
        ("number", np.int64),  # of its numbers, in `Program.numbers`
        ("numbers", np.int64),
        ("column", np.int64),  # of `Frame.grays` or `Frame.outputs`
        ("partner", np.int64),  # 1: its memory is that of one other animal
        ("whole", np.int64),  # offsets of its memory, in `Memory.whole`,
        ("wholes", np.int64),
        ("real", np.int64),  # `Memory.real`,
        ("ring", np.int64),  # `Memory.ring_ns` and `Memory.ring`
        ("capacity", np.int64),
        ("window_ns", np.int64),  # of a sequence: within_ns
        ("above", np.float64),
        ("below", np.float64),
        ("level", np.float64),  # of a zone: radius, 0 of a polygon. Of a rate: 1, or -1 for approach
        ("hysteresis", np.float64),
    ]
)

POINT = np.dtype([("keypoint", np.int64), ("who", np.int64), ("x", np.float64), ("y", np.float64)])

READING = np.dtype(
    [
        ("first", np.int64),  # of its nodes
        ("end", np.int64),
        ("predicted", np.int64),
        ("others", np.int64),  # 1: some point is of the nearest other animal
        ("gap_ns", np.int64),
        ("min_score", np.float64),
    ]
)

RULE = np.dtype(
    [
        ("follows", np.int64),  # 1: a value, 0: a condition
        ("root", np.int64),  # node
        ("lenient", np.int64),  # node of the second reading, -1 for none
        ("role", np.int64),  # -1: any animal
        ("named", np.int64),  # roles that its points name, in `Program.named`
        ("names", np.int64),
        ("dwell_ns", np.int64),
        ("gap_ns", np.int64),
        ("refractory_ns", np.int64),
        ("repeat_ns", np.int64),
        ("max_age_ns", np.int64),
        ("armed_from_ns", np.int64),
        ("armed_until_ns", np.int64),
        ("min_id_score", np.float64),
        ("from_0", np.float64),
        ("from_1", np.float64),
        ("to_0", np.float64),
        ("to_1", np.float64),
    ]
)

# A stretch in which a rule's condition is true of an animal, and the episode that it becomes.
EPISODE = np.dtype(
    [
        ("on", np.int64),
        ("since_ns", np.int64),
        ("last_ns", np.int64),  # when it was last known to be true
        ("holds", np.int64),
        ("fired", np.int64),
        ("fired_ns", np.int64),
        ("told", np.int64),  # bits: which codes were told
    ]
)

OUTCOME = np.dtype([(name, np.int64) for name in ("rule", "row", "animal", "code", "time_ns")])


class Program(NamedTuple):
    """What does not change. ``roles`` are the ids of the roles that are used."""

    nodes: npt.NDArray[np.void]
    readings: npt.NDArray[np.void]
    rules: npt.NDArray[np.void]
    points: npt.NDArray[np.void]
    inner: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.float64]
    roles: npt.NDArray[np.int64]
    named: npt.NDArray[np.int64]


class Memory(NamedTuple):
    """What is kept from frame to frame, of S slots: of one animal each but the last, which is for all of unknown id."""

    ids: npt.NDArray[np.int64]
    """[S]: whose slot it is, -1 free."""
    seen: npt.NDArray[np.int64]
    """[S]: a count that says who was seen last."""
    whole: npt.NDArray[np.int64]
    """[S, ...]"""
    real: npt.NDArray[np.float64]
    """[S, ...]"""
    ring_ns: npt.NDArray[np.int64]
    """[S, ...]"""
    ring: npt.NDArray[np.float64]
    """[S, ..., 2]"""
    episodes: npt.NDArray[np.void]
    """[2, rules, S]: of the rules, and of their second readings."""
    fired: npt.NDArray[np.int64]
    """[rules, 2]: whether the rule has fired, and when it last did."""


class Frame(NamedTuple):
    """What is known of one frame, of R rows at most."""

    poses: npt.NDArray[np.float32]
    """[2, R, K, 3]: measured, predicted."""
    ids: npt.NDArray[np.int64]
    """[R]"""
    id_scores: npt.NDArray[np.float64]
    """[R]"""
    grays: npt.NDArray[np.float64]
    """[regions]"""
    outputs: npt.NDArray[np.float64]
    """[R, columns]: of classifiers."""
    slots: npt.NDArray[np.int64]
    """[R], and what follows is scratch as well:"""
    rows: npt.NDArray[np.int64]
    """[roles]: the row of each, -1 absent."""
    centres: npt.NDArray[np.float64]
    """[R, 2]: mean of the known keypoints."""
    others: npt.NDArray[np.int64]
    """[R]: row of the nearest other animal, -1 for none."""
    results: npt.NDArray[np.float64]
    """[R, nodes]: of conditions 1, 0, NaN."""
    place: npt.NDArray[np.float64]
    """[2]"""


class Answer(NamedTuple):
    """What a frame comes to."""

    outcomes: npt.NDArray[np.void]
    holding: npt.NDArray[np.bool_]
    """[rules]"""
    active: npt.NDArray[np.bool_]
    """[rules]"""
    values: npt.NDArray[np.float64]
    """[rules]"""


def make_memory(rules: int, slots: int, whole: int, real: int, ring: int) -> Memory:
    """Empty memory of ``slots`` animals and one of unknown id."""
    slots += 1
    return Memory(
        ids=np.full(slots, -1, np.int64),
        seen=np.zeros(slots, np.int64),
        whole=np.zeros((slots, whole), np.int64),
        real=np.zeros((slots, real)),
        ring_ns=np.zeros((slots, ring), np.int64),
        ring=np.zeros((slots, ring, 2)),
        episodes=np.zeros((2, rules, slots), EPISODE),
        fired=np.zeros((rules, 2), np.int64),
    )


def clear(memory: Memory) -> None:
    """Forget everything."""
    memory.ids[:] = -1
    for part in (memory.seen, memory.whole, memory.real, memory.episodes, memory.fired):
        part[...] = 0


def make_frame(rows: int, keypoints: int, roles: int, regions: int, columns: int, nodes: int) -> Frame:
    """Room for a frame."""
    return Frame(
        poses=np.full((2, rows, keypoints, 3), np.nan, np.float32),
        ids=np.full(rows, -1, np.int64),
        id_scores=np.ones(rows),
        grays=np.full(regions, np.nan),
        outputs=np.full((rows, columns), np.nan),
        slots=np.zeros(rows, np.int64),
        rows=np.full(roles, -1, np.int64),
        centres=np.full((rows, 2), np.nan),
        others=np.full(rows, -1, np.int64),
        results=np.full((rows, nodes), np.nan),
        place=np.zeros(2),
    )


def make_answer(rules: int, rows: int, slots: int) -> Answer:
    """Room for an answer: of each rule, a row may end an episode, begin another and miss one; a slot may end one, that
    of the unknown ids two."""
    return Answer(
        outcomes=np.zeros(rules * (3 * rows + slots + 2), OUTCOME),
        holding=np.zeros(rules, np.bool_),
        active=np.zeros(rules, np.bool_),
        values=np.full(rules, np.nan),
    )
