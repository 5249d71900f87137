"""What a tracker remembers, in arrays of constant size.

Records rather than columns: a kernel that was compiled for another layout is not taken from Numba's cache. The arrays
go to kernels together, as named tuples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire.track.rules import TrackRules

# One animal that is or was in view. Everything about its motion stands as it was when it was last seen.
TRACK = np.dtype(
    [
        ("used", np.int64),
        ("id", np.int64),  # -1 until it is confirmed
        ("hits", np.int64),  # frames it was seen in
        ("missed", np.int64),  # frames since it was last seen
        ("born_s", np.float64),  # time since it was first seen
        ("age_s", np.float64),  # time since it was last seen
        ("absent_s", np.float64),  # the same, pauses of the camera left out
        ("vx", np.float64),  # px/s
        ("vy", np.float64),
        ("place_var", np.float64),  # px², along each axis
        ("cross_var", np.float64),  # px²/s
        ("speed_var", np.float64),  # px²/s²
        ("ahead", np.float64),  # s of its velocity that it has moved on by now
        ("reach_var", np.float64),  # px², place_var by now
        ("weight", np.float64),  # frames that its traits are averaged over
        ("risk", np.float64),  # that its id has just been exchanged
        ("contested", np.float64),  # while it is missing: that another track is really this animal
        ("anomaly", np.float64),  # what its misfit usually is
    ]
)

# What all animals have in common, learnt as they come.
COMMON = np.dtype(
    [
        ("body_px", np.float64),
        ("body_weight", np.float64),
        ("keypoints", np.float64),  # seen of an animal, on average
        ("speed_var", np.float64),  # body²/s², along each axis
        ("surprise", np.float64),  # mean squared innovation over its prediction
        ("size_var", np.float64),
        ("frame_s", np.float64),
        ("left", np.float64),
        ("right", np.float64),
        ("top", np.float64),
        ("bottom", np.float64),
        ("next_id", np.int64),
    ]
)


OPTIONS = 4  # of a keypoint, for two poses together
SURE = 100.0  # natural logarithm, of what is as good as certain


class Memory(NamedTuple):
    """What is kept from frame to frame, of S slots, K keypoints and T traits. An animal stays in its slot.

    Traits are what an animal keeps for life: the logarithms of its limbs' lengths, and numbers of its appearance.
    """

    tracks: npt.NDArray[np.void]
    """[S] of TRACK."""
    common: npt.NDArray[np.void]
    """[1] of COMMON."""
    points: npt.NDArray[np.float64]
    """[S, K, 2] px: where each keypoint was seen last, moved on with the body while it is not."""
    seen: npt.NDArray[np.float64]
    """[S, K]: s since each keypoint was seen."""
    traits: npt.NDArray[np.float64]
    """[S, T]: means."""
    trait_var: npt.NDArray[np.float64]
    """[T]: of one frame's about them."""
    point_var: npt.NDArray[np.float64]
    """[K] body²: what a keypoint is off by, beside its body, from one frame to the next."""
    flips: npt.NDArray[np.float64]
    """[S, S, K, 2]: what it would cost to say that two animals had a part of them exchanged (see `untangle`)."""
    life: npt.NDArray[np.float64]
    """[S, T]: means of the time in which it was certain who this is (see `traits`), and"""
    life_s: npt.NDArray[np.float64]
    """[S, T] of how many seconds; the same"""
    lately: npt.NDArray[np.float64]
    """[S, T]: of lengths since it was last together with another, of appearance of the last seconds, and"""
    lately_s: npt.NDArray[np.float64]
    """[S, T] of how many seconds."""
    hint: npt.NDArray[np.float64]
    """[S]: natural logarithm of the odds that it is another's id."""
    mixed: npt.NDArray[np.int64]
    """[S, S]: 1 where two may have come apart under each other's id."""


class Now(NamedTuple):
    """What is known of one frame: rows are tracks in use, columns are poses that hold a keypoint."""

    rows: npt.NDArray[np.int64]
    """[row]: the slot."""
    columns: npt.NDArray[np.int64]
    """[column]: the row of the pose in the frame."""
    clean: npt.NDArray[np.float64]
    """[column, K, 2] px, NaN where absent."""
    traits: npt.NDArray[np.float64]
    """[column, T]: as in `Memory`, NaN where absent."""
    origin: npt.NDArray[np.int64]
    """[column, K]: the row in which the network's links had put each keypoint."""
    touching: npt.NDArray[np.bool_]
    """[column, column]: whether two poses touch."""
    met: npt.NDArray[np.bool_]
    """[row, row]: whether two tracks do."""
    twins: npt.NDArray[np.float64]
    """[column, column]: how alike two poses lie (mean OKS with sigma 0.1)."""
    cost: npt.NDArray[np.float64]
    """[slot, column]: negative log-likelihood, 1e9 out of reach."""
    value: npt.NDArray[np.float64]
    """[slot, column]: what matching costs beyond not matching; below 0 it is worth it."""
    table: npt.NDArray[np.float64]
    """[row, column]: the same for the assignment, at most 0."""
    misfit: npt.NDArray[np.float64]
    """[slot, column]: how unlike the prediction the pose is."""
    lasting: npt.NDArray[np.float64]
    """[slot, column]: the part of the cost that is size and appearance."""
    moved: npt.NDArray[np.float64]
    """[slot, column, 2] px: how far the body is from where it was expected."""
    wide: npt.NDArray[np.float64]
    """[slot, column]: the cost for somebody who knows what animals do when nobody sees them."""
    gate: npt.NDArray[np.float64]
    """[slot]: what not matching costs."""
    partner: npt.NDArray[np.int64]
    """[row]: the column, or -1."""
    taken: npt.NDArray[np.int64]
    """[column]: the slot, or -1."""
    evidence: npt.NDArray[np.float64]
    """[slot, 9]: see `doubt.EVIDENCE`; its first is NaN where there was no match."""
    doubt: npt.NDArray[np.float64]
    """[slot]: the probability that this frame exchanged the id."""
    scratch: npt.NDArray[np.float64]
    """[4, K]."""
    # For `untangle`, of a pair of poses: O options for each keypoint, one more for none, S = (O + 1)² states.
    owner: npt.NDArray[np.int64]
    """[row, K]: the column that has a keypoint of a row, or -1."""
    options: npt.NDArray[np.int64]
    """[K, O]: rows."""
    number: npt.NDArray[np.int64]
    """[K]: how many options."""
    mine: npt.NDArray[np.float64]
    """[K, O + 1]: what each option costs the one, and"""
    theirs: npt.NDArray[np.float64]
    """[K, O + 1] the other."""
    states: npt.NDArray[np.float64]
    """[K, S]: costs."""
    best: npt.NDArray[np.int64]
    """[K, S]: the best state for each of the parent's."""
    bond: npt.NDArray[np.float64]
    """[O + 1, O + 1]: of an edge."""
    at: npt.NDArray[np.int64]
    """[K]: the state that was chosen, and"""
    choice: npt.NDArray[np.int64]
    """[K, 2]: its rows, -1 for none."""
    inside: npt.NDArray[np.bool_]
    """[K]."""


def make_state(slots: int, most: int, loose: int, keypoints: int, traits: int, evidence: int) -> tuple[Memory, Now]:
    """Room for ``slots`` animals, and a frame's ``most`` poses and ``loose`` further rows; `clear` must follow."""

    def room(*shape: int) -> npt.NDArray[np.float64]:
        return np.zeros(shape, np.float64)

    memory = Memory(
        tracks=np.zeros(slots, TRACK),
        common=np.zeros(1, COMMON),
        points=room(slots, keypoints, 2),
        seen=room(slots, keypoints),
        traits=room(slots, traits),
        trait_var=room(traits),
        point_var=room(keypoints),
        flips=room(slots, slots, keypoints, 2),
        life=room(slots, traits),
        life_s=room(slots, traits),
        lately=room(slots, traits),
        lately_s=room(slots, traits),
        hint=room(slots),
        mixed=np.zeros((slots, slots), np.int64),
    )
    now = Now(
        rows=np.zeros(slots, np.int64),
        columns=np.zeros(most, np.int64),
        clean=room(most, keypoints, 2),
        traits=room(most, traits),
        origin=np.zeros((most, keypoints), np.int64),
        touching=np.zeros((most, most), np.bool_),
        met=np.zeros((slots, slots), np.bool_),
        twins=room(most, most),
        cost=room(slots, most),
        value=room(slots, most),
        table=room(slots, most),
        misfit=room(slots, most),
        lasting=room(slots, most),
        moved=room(slots, most, 2),
        wide=room(slots, most),
        gate=room(slots),
        partner=np.full(slots, -1, np.int64),
        taken=np.zeros(most, np.int64),
        evidence=room(slots, evidence),
        doubt=room(slots),
        scratch=room(4, keypoints),
        owner=np.zeros((most + loose, keypoints), np.int64),
        options=np.zeros((keypoints, OPTIONS), np.int64),
        number=np.zeros(keypoints, np.int64),
        mine=room(keypoints, OPTIONS + 1),
        theirs=room(keypoints, OPTIONS + 1),
        states=room(keypoints, (OPTIONS + 1) ** 2),
        best=np.zeros((keypoints, (OPTIONS + 1) ** 2), np.int64),
        bond=room(OPTIONS + 1, OPTIONS + 1),
        at=np.zeros(keypoints, np.int64),
        choice=np.zeros((keypoints, 2), np.int64),
        inside=np.zeros(keypoints, np.bool_),
    )
    return memory, now


def clear(memory: Memory, rules: TrackRules) -> None:
    """Forget all animals and all that was learnt."""
    memory.tracks[:] = 0
    memory.tracks["id"] = -1
    memory.points[:] = np.nan
    memory.traits[:] = np.nan
    memory.flips[:] = SURE
    memory.life_s[:] = 0.0
    memory.lately_s[:] = 0.0
    memory.hint[:] = 0.0
    memory.mixed[:] = 0
    memory.trait_var[:] = 0.04
    memory.point_var[:] = rules.sigma_body_lengths**2
    common = memory.common[0]
    common["body_px"], common["body_weight"], common["keypoints"] = 0.0, 0.0, 0.0
    common["speed_var"], common["surprise"] = max(1.0, rules.speed_floor_body_lengths_per_s**2), 1.0
    common["size_var"], common["frame_s"] = rules.size_sigma**2, 0.0
    common["left"] = common["top"] = np.inf
    common["right"] = common["bottom"] = -np.inf
    common["next_id"] = 0
