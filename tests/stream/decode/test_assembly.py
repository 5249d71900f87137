"""Links -> animals against the slow twin, and each rule on its own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.decode import Assembler
from posewire_models.decoding import Decoding
from reference_several import assembled


def animals(assembler):
    """The animals as {keypoint: peak}, in their order."""
    members = assembler.members[assembler.kept[: assembler.animals]]
    return [{k: int(i) for k, i in enumerate(row) if i >= 0} for row in members]


def filled(counts, edges, links, scores=None, places=None, **rules):
    """An assembler with ``counts`` peaks of each keypoint and ``links`` {(edge, i, j): score}."""
    made = Assembler(len(counts), edges, Decoding(max_peaks=max(4, *counts), min_link=0.25, **rules), apart_px=2.0)
    made.counts[:] = counts
    rng = np.random.default_rng(0)
    for k, n in enumerate(counts):
        made.peaks[k, :n, :2] = rng.uniform(0, 500, (n, 2)) if places is None else places[k][:n]
        made.peaks[k, :n, 2] = 1.0 if scores is None else scores[k][:n]
    made.scores[:] = -1.0
    for (e, i, j), score in links.items():
        made.scores[e, i, j] = score
    made.link()
    return made


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(1, 4), st.booleans(), st.sampled_from([2, 99]))
def test_animals_equal_those_of_the_slow_twin(seed, keypoints, most, redundant, limit):
    rng = np.random.default_rng(seed)
    every = list(itertools.combinations(range(keypoints), 2))
    edges = every if redundant else [(int(rng.integers(k)), k) for k in range(1, keypoints)]
    counts = [int(n) for n in rng.integers(0, most + 1, keypoints)]
    # Different scores, so that nothing is decided by place alone.
    table = {
        (e, i, j): float(rng.uniform(0.3, 1.0))
        for e, (a, b) in enumerate(edges)
        for i, j in itertools.product(range(counts[a]), range(counts[b]))
        if rng.random() < 0.7
    }
    made = filled(counts, edges, table, max_animals=limit, min_parts=2, apart_cells=0.0)
    links = [
        ((a, i), (b, int(made.partner[e, i])), made.scores[e, i, made.partner[e, i]])
        for e, (a, b) in enumerate(edges)
        for i in range(counts[a])
        if made.partner[e, i] >= 0 and made.scores[e, i, made.partner[e, i]] >= 0.25
    ]
    twin = sorted(assembled(links, keypoints, limit), key=lambda animal: -len(animal))[:limit]
    assert [len(animal) for animal in animals(made)] == [len(animal) for animal in twin]
    if len(twin) < limit:
        assert sorted(map(sorted, (animal.items() for animal in animals(made)))) == sorted(
            map(sorted, (animal.items() for animal in twin))
        )


def test_no_keypoint_comes_twice_in_an_animal():
    """A loop of edges contradicts itself: two keypoints of kind 2 hang on the same other ones. The best link wins."""
    edges = [(0, 1), (1, 2), (0, 2)]
    made = filled([1, 1, 2], edges, {(0, 0, 0): 0.9, (1, 0, 0): 0.8, (2, 0, 1): 0.7})
    assert animals(made) == [{0: 0, 1: 0, 2: 0}]


def test_small_animals_are_dropped_and_the_best_stay():
    links = {(0, 0, 0): 0.9, (1, 0, 0): 0.9, (0, 1, 1): 0.9}
    assert len(animals(filled([2, 2, 1], [(0, 1), (1, 2)], links))) == 2
    assert animals(filled([2, 2, 1], [(0, 1), (1, 2)], links, min_parts=3)) == [{0: 0, 1: 0, 2: 0}]
    assert animals(filled([2, 2, 1], [(0, 1), (1, 2)], links, max_animals=1)) == [{0: 0, 1: 0, 2: 0}]


def test_lone_peaks_are_animals_if_one_part_is_enough():
    made = filled([2, 1], [(0, 1)], {(0, 0, 0): 0.9}, min_parts=1)
    assert animals(made) == [{0: 0, 1: 0}, {0: 1}]


def test_surplus_fragments_join_the_nearest_that_lacks_them():
    places = [[(0, 0), (100, 0)], [(0, 10), (100, 10)], [(1, 20), (101, 20)], [(0, 30), (100, 30)]]
    links = {(0, 0, 0): 0.9, (0, 1, 1): 0.9, (1, 0, 0): 0.9, (1, 1, 1): 0.9}
    edges = [(0, 1), (2, 3)]
    assert len(animals(filled([2, 2, 2, 2], edges, links, places=places, max_animals=2))) == 2
    near = animals(filled([2, 2, 2, 2], edges, links, places=places, max_animals=2, fuse="near"))
    assert near == [{0: 0, 1: 0, 2: 0, 3: 0}, {0: 1, 1: 1, 2: 1, 3: 1}]


def test_peaks_left_over_may_be_adopted():
    places = [[(0, 0), (100, 0)], [(0, 10), (100, 10)], [(101, 20)]]
    links = {(0, 0, 0): 0.9, (0, 1, 1): 0.9}
    made = filled([2, 2, 1], [(0, 1), (1, 2)], links, places=places, adopt=True)
    assert animals(made) == [{0: 0, 1: 0}, {0: 1, 1: 1, 2: 0}]


def test_an_animal_found_twice_is_one():
    places = [[(0, 0), (1, 0)], [(0, 10), (1, 10)]]
    links = {(0, 0, 0): 0.9, (0, 1, 1): 0.8}
    made = filled([2, 2], [(0, 1)], links, scores=[[0.9, 0.8], [0.9, 0.8]], places=places)
    assert animals(made) == [{0: 0, 1: 0}]


@pytest.mark.parametrize(("matching", "expected"), [("optimal", [0, -1]), ("forced", [1, 0])])
def test_weak_pairs_do_not_compete_unless_forced(matching, expected):
    """Forced, both first ends get a partner, and the good pair is given up for two that are dropped afterwards."""
    made = filled([2, 2], [(0, 1)], {(0, 0, 0): 0.3, (0, 0, 1): 0.2, (0, 1, 0): 0.2}, matching=matching)
    partner = [
        int(j) if made.scores[0, i, j] >= 0.25 or matching == "forced" else -1
        for i, j in enumerate(made.partner[0, :2])
    ]
    assert partner == expected


def test_no_edges_and_no_peaks_give_no_animals():
    assert animals(filled([3], [], {})) == []
    assert animals(filled([0, 0], [(0, 1)], {})) == []
