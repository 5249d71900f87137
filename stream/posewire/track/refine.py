"""Identities of recorded poses, decided with what came before and after: two passes, then tracklets joined at once.

A tracker runs over the recording forwards and backwards. Where both go the same way and neither doubts it, poses hang
together: these are the tracklets. Their ends and beginnings are then joined by one optimal assignment (bipartite path
cover, as in Castanon 1990, DOI 10.1109/CDC.1990.203467, and the network flow of Zhang et al. 2008,
DOI 10.1109/CVPR.2008.4587584), by where they lead to from both sides, by the pose, and by the sizes averaged over the
whole of both.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from posewire.assignment import NONE, Workspace, assign
from posewire.frame import Floats
from posewire.track.rules import TrackRules
from posewire.track.tracker import USUAL, Tracker
from posewire.track.tracklets import FAR, Learnt, Place, Tracklet, describe, joining_cost
from posewire_models.skeleton import Pair

Ids = list[npt.NDArray[np.int64]]
Links = dict[Place, Place]
_DOUBTFUL = 0.5  # a score below: the tracklet ends here, and may be joined again
_MOST_AT_ONCE = 600  # tracklets of one assignment
_AGREED = 3.0  # natural logarithm: what the word of each pass counts beside all else
_LEADS_S = 0.2  # for so long, or not much longer, motion leads to where an animal comes out
_NEXT = 60  # starts after an end that are weighed one by one


@dataclass
class Refined:
    """``ids`` int64 [A] and ``scores`` float32 [A] of each frame's poses (-1: nobody), ``joins`` how many tracklet ends
    were joined, and ``unsure`` the frames of joins that could nearly as well have been others."""

    ids: Ids
    scores: list[Floats]
    joins: int
    unsure: list[int]


def refine(
    poses: Sequence[Floats],
    times_ns: Sequence[int],
    skeleton: Sequence[Pair],
    *,
    animals: int | None = None,
    rules: TrackRules = USUAL,
) -> Refined:
    """Who is who in recorded ``poses``, a float32 [A, K, 3] (px; NaN where absent) for each frame at ``times_ns``.

    Times must rise. With ``animals`` there are never more ids than that, else as many as tracklets need.
    """
    keypoints = poses[0].shape[1] if len(poses) else 0
    most = max((len(frame) for frame in poses), default=0)
    if not most:
        return Refined([np.zeros(0, np.int64) for _ in poses], [np.zeros(0, np.float32) for _ in poses], 0, [])
    # How many there are, and their proportions, matter for the joining; here whoever turns up is somebody.
    at_once = replace(rules, confirm_frames=1, confirm_s=0.0, exchange_at=1e9)
    tracker = Tracker(keypoints, skeleton, at_once, most=most)
    forward = _run(tracker, poses, times_ns, 1)
    tracker.reset()
    backward = _run(tracker, poses, times_ns, -1)
    seconds = np.asarray(times_ns, np.float64) * 1e-9
    common = tracker._memory.common[0]
    learnt = Learnt(
        float(common["body_px"]) or 1.0,
        float(common["speed_var"]),
        min(max(float(common["surprise"]), 0.5), 20.0),
        float(common["frame_s"]) or 0.02,
        tracker._memory.point_var.copy(),
        tracker._memory.trait_var.copy(),
    )
    onwards, back = _links(forward[0]), _links(backward[0])
    chains = _chains(onwards, back, forward[1], backward[1])
    tracklets = [describe(chain, poses, seconds, skeleton) for chain in chains]
    tracklets.sort(key=lambda one: (one.start_s, one.at[0]))
    follower, margin = _Joining(tracklets, (onwards, back), learnt, rules, animals).join()
    return _told(poses, seconds, tracklets, follower, margin, animals, rules)


def _run(tracker: Tracker, poses: Sequence[Floats], times_ns: Sequence[int], way: int) -> tuple[Ids, list[Floats]]:
    """A pass over all frames, forwards or backwards; ids and scores in the frames' order."""
    ids: Ids = []
    scores: list[Floats] = []
    for n in range(len(poses))[::way]:
        tracker.step(poses[n].copy(), way * int(times_ns[n]))
        ids.append(tracker.ids.copy())
        scores.append(tracker.id_scores.copy())
    return ids[::way], scores[::way]


def _links(ids: Ids) -> Links:
    """From each pose that has an id to the next one of that id."""
    last: dict[int, Place] = {}
    links = {}
    for n, frame in enumerate(ids):
        for i, number in enumerate(frame.tolist()):
            if number >= 0:
                if number in last:
                    links[last[number]] = (n, i)
                last[number] = (n, i)
    return links


def _chains(onwards: Links, back: Links, forward: list[Floats], backward: list[Floats]) -> list[list[Place]]:
    """Poses that both passes follow without doubt, in order; every pose is in one chain. The scores are the passes'."""
    sure: Links = {}
    for here, there in onwards.items():
        came, goes = forward[here[0]][here[1]], forward[there[0]][there[1]]
        returned, left = backward[there[0]][there[1]], backward[here[0]][here[1]]
        # Scores rise again slowly: it is where they fall that something happened.
        fell = (goes < _DOUBTFUL and goes < came) or (left < _DOUBTFUL and left < returned)
        if back.get(here) == there and not fell:
            sure[here] = there
    followed = set(sure.values())
    chains = []
    for n, frame in enumerate(forward):
        for i in range(len(frame)):
            here = (n, i)
            # A tracker takes its time to name an animal: nobody may be who it will be in the next frame.
            if here in followed:
                continue
            chain = [here]
            while here in sure:
                here = sure[here]
                chain.append(here)
            chains.append(chain)
    return chains


class _Joining:
    """Joins tracklets, sorted by their start, part by part of a long recording."""

    def __init__(
        self,
        tracklets: list[Tracklet],
        passes: tuple[Links, Links],
        learnt: Learnt,
        rules: TrackRules,
        animals: int | None,
    ) -> None:
        self.tracklets, self.passes, self.learnt, self.rules = tracklets, passes, learnt, rules
        self.gate = 12.0 if animals is None else 72.0
        self.longest_s = rules.forget_after_s if animals is None else np.inf
        self.starts = {one.at[0]: number for number, one in enumerate(tracklets)}
        self.follower = [NONE] * len(tracklets)
        self.margin = [np.inf] * len(tracklets)

    def join(self) -> tuple[list[int], list[float]]:
        """The tracklet that follows each one (-1: none), and by how much this is better than the next best."""
        open_ends: list[int] = []
        for begin in range(0, len(self.tracklets), _MOST_AT_ONCE):
            part = list(range(begin, min(begin + _MOST_AT_ONCE, len(self.tracklets))))
            # What is still open of the parts before takes part, but may not be begun again.
            rows = open_ends[-_MOST_AT_ONCE:] + part
            self._assign(rows, part)
            open_ends = [a for a in rows if self.follower[a] == NONE]
        return self.follower, self.margin

    def _assign(self, rows: list[int], columns: list[int]) -> None:
        starts = np.array([self.tracklets[b].start_s for b in columns])
        table = np.zeros((len(rows), len(columns)))
        doubted = np.full_like(table, np.nan)
        for row, a in enumerate(rows):
            one = self.tracklets[a]
            first = int(np.searchsorted(starts, one.end_s, side="right"))
            last = int(np.searchsorted(starts, one.end_s + self.longest_s, side="right"))
            table[row, first:last] = min(0.0, FAR - self.gate)
            for column in range(first, min(last, first + _NEXT)):
                other = self.tracklets[columns[column]]
                motion, lasting = joining_cost(one, other, self.learnt, self.rules)
                table[row, column] = min(0.0, motion + lasting - self.gate)
                # Motion and pose lead the less far the longer nobody saw where.
                recent = 1.0 / (1.0 + (other.start_s - one.end_s) / _LEADS_S)
                doubted[row, column] = recent * motion + lasting
            for links in self.passes:
                b = self.starts.get(links.get(one.at[-1], (-1, -1)), NONE)
                if b != NONE and columns[0] <= b <= columns[-1] and first <= b - columns[0] < last:
                    gap = self.tracklets[b].start_s - one.end_s
                    table[row, b - columns[0]] -= _AGREED / (1.0 + gap / _LEADS_S)
        partner = np.full(len(rows), NONE, np.int64)
        space = Workspace(max(table.shape))
        assign(table, *table.shape, partner, space.floats, space.integers)
        for row, column in enumerate(partner.tolist()):
            if column >= 0 and table[row, column] < 0.0:
                self.follower[rows[row]] = columns[column]
                self.margin[rows[row]] = _margin(doubted, partner, row)


def _margin(table: npt.NDArray[np.float64], partner: npt.NDArray[np.int64], row: int) -> float:
    """What exchanging the follower of ``row`` with that of another row would cost at least."""
    own = int(partner[row])
    least = np.inf
    for other, theirs in enumerate(partner.tolist()):
        if other == row or theirs < 0:
            continue
        exchanged = table[row, theirs] + table[other, own] - table[row, own] - table[other, theirs]
        if np.isfinite(exchanged):
            least = min(least, float(exchanged))
    return least


def _told(
    poses: Sequence[Floats],
    seconds: npt.NDArray[np.float64],
    tracklets: list[Tracklet],
    follower: list[int],
    margin: list[float],
    animals: int | None,
    rules: TrackRules,
) -> Refined:
    ids = [np.full(len(frame), -1, np.int64) for frame in poses]
    scores = [np.ones(len(frame), np.float32) for frame in poses]
    followed = set(follower)
    chains = []
    for first in range(len(tracklets)):
        if first in followed:
            continue
        chain = [first]
        while follower[chain[-1]] >= 0:
            chain.append(follower[chain[-1]])
        chains.append(chain)
    chains.sort(key=lambda chain: -sum(len(tracklets[a].at) for a in chain))
    chains = [chain for chain in chains if sum(len(tracklets[a].at) for a in chain) >= rules.confirm_frames]
    if animals is not None:
        chains, rest = chains[:animals], chains[animals:]
        _fill(tracklets, chains, sorted((a for chain in rest for a in chain), key=lambda a: -len(tracklets[a].at)))
    # Numbers by who came first, as live.
    chains.sort(key=lambda chain: (tracklets[chain[0]].start_s, chain[0]))
    unsure = []
    for number, chain in enumerate(chains):
        for a in chain:
            for n, i in tracklets[a].at:
                ids[n][i] = number
        for a, b in itertools.pairwise(chain):
            risk = 1.0 / (1.0 + np.exp(min(0.5 * margin[a], 50.0))) if follower[a] == b else 0.5
            if risk > 0.1:
                unsure.append(tracklets[b].at[0][0])
            for side in (tracklets[a].at[::-1], tracklets[b].at):
                start = seconds[side[0][0]]
                for n, i in side:
                    left = risk * np.exp(-abs(seconds[n] - start) / rules.recovery_s)
                    if left < 1e-3:
                        break
                    scores[n][i] = min(scores[n][i], 1.0 - left)
    for frame, score in zip(ids, scores, strict=True):
        score[frame < 0] = 0.0
    return Refined(ids, scores, sum(len(chain) - 1 for chain in chains), sorted(set(unsure)))


def _fill(tracklets: list[Tracklet], chains: list[list[int]], rest: list[int]) -> None:
    """Put what is left over into chains that miss their animal just then."""
    for a in rest:
        for chain in chains:
            taken = (
                tracklets[b].start_s <= tracklets[a].end_s and tracklets[a].start_s <= tracklets[b].end_s for b in chain
            )
            if not any(taken):
                chain.append(a)
                chain.sort(key=lambda b: (tracklets[b].start_s, b))
                break
