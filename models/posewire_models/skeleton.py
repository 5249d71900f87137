"""Keypoints, the edges between them, and which of them are mirror partners."""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True)
class Skeleton:
    """The named keypoints of one animal.

    ``edges`` and ``symmetric`` hold pairs of indices into ``keypoints``; ``symmetric`` pairs swap when
    an image is mirrored (the animal's left and right ear).

    Raises ValueError if a name is empty or stands twice, an index is out of range, an edge joins a keypoint
    to itself, or a keypoint has two mirror partners.
    """

    keypoints: tuple[str, ...]
    edges: tuple[Pair, ...] = ()
    symmetric: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        problems = skeleton_problems(self.keypoints, self.edges, self.symmetric)
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def flip_order(self) -> tuple[int, ...]:
        """For each keypoint the index of the one that takes its place in a mirrored image."""
        order = list(range(len(self.keypoints)))
        for left, right in self.symmetric:
            order[left], order[right] = right, left
        return tuple(order)

    def index(self, name: str) -> int:
        """Index of a keypoint. Raises KeyError with the known names."""
        try:
            return self.keypoints.index(name)
        except ValueError:
            raise KeyError(f"no keypoint {name!r}; there are {', '.join(self.keypoints)}") from None


def skeleton_problems(keypoints: tuple[str, ...], edges: tuple[Pair, ...], symmetric: tuple[Pair, ...]) -> list[str]:
    """Everything wrong with the parts of a skeleton, one sentence each; empty if it is sound."""
    problems = []
    if not keypoints:
        problems.append("keypoints: at least one name is needed")
    if any(not name for name in keypoints):
        problems.append("keypoints: a name is empty")
    twice = sorted({name for name in keypoints if keypoints.count(name) > 1})
    if twice:
        problems.append(f"keypoints: {', '.join(twice)} stands more than once")
    for field, pairs in (("skeleton", edges), ("symmetric", symmetric)):
        for pair in pairs:
            if any(not 0 <= i < len(keypoints) for i in pair):
                problems.append(f"{field}: {list(pair)} points outside the {len(keypoints)} keypoints")
            elif pair[0] == pair[1]:
                problems.append(f"{field}: {list(pair)} joins a keypoint to itself")
    partners = [i for pair in symmetric for i in pair]
    if len(set(partners)) != len(partners):
        problems.append("symmetric: a keypoint has two mirror partners")
    return problems
