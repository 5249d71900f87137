"""Linked peaks -> animals.

Peaks that links join are one animal, as long as no keypoint comes twice. Where one does (redundant edges may
contradict each other), animals grow from the best link, each time along the best link that leads on. Fragments beyond
the number of animals are joined, then animals that are too small or found twice are dropped. (The rules are those of
DeepLabCut's ``Assembler``, Lauer et al. 2022, DOI 10.1038/s41592-022-01443-0; on a skeleton without loops they are
SLEAP's, too.)

Everything is decided by scores, then by place in the lists. Slow plain twin: ``tests/reference_several.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FUSIONS = ("none", "links", "near")
_FREE = -1


@njit(nogil=True, cache=True)
def _collect(scores, partner, counts, edges, min_score, space, links, values):  # type: ignore[no-untyped-def]
    """Links worth ``min_score`` as (node, node), edge after edge, and their scores; a node is k * ``space`` + i."""
    number = 0
    for e in range(edges.shape[0]):
        a, b = edges[e]
        for i in range(counts[a]):
            j = partner[e, i]
            if j >= 0 and scores[e, i, j] >= min_score:
                links[number, 0] = a * space + i
                links[number, 1] = b * space + j
                values[number] = scores[e, i, j]
                number += 1
    return number


@njit(nogil=True, cache=True)
def _descending(values, number, order, other):  # type: ignore[no-untyped-def]
    """The numbers of ``values`` from the highest on into ``order``, equal ones as they come (merge sort)."""
    for n in range(number):
        order[n] = n
    size = 1
    while size < number:
        for begin in range(0, number, 2 * size):
            left, right = begin, min(begin + size, number)
            middle, end = right, min(begin + 2 * size, number)
            for n in range(begin, end):
                if left < middle and (right >= end or values[order[left]] >= values[order[right]]):
                    other[n] = order[left]
                    left += 1
                else:
                    other[n] = order[right]
                    right += 1
        for n in range(number):
            order[n] = other[n]
        size *= 2


@njit(nogil=True, cache=True)
def _root(parent, node):  # type: ignore[no-untyped-def]
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(nogil=True, cache=True)
def _components(links, number, counts, space, parent, size, last):  # type: ignore[no-untyped-def]
    """Union of what is linked; ``size`` of each root, or minus it where a keypoint comes twice."""
    for k in range(counts.shape[0]):
        for i in range(counts[k]):
            node = k * space + i
            parent[node] = node
            size[node] = 0
            last[node] = -1
    for n in range(number):
        a, b = _root(parent, links[n, 0]), _root(parent, links[n, 1])
        if a != b:
            parent[max(a, b)] = min(a, b)
    for k in range(counts.shape[0]):
        for i in range(counts[k]):
            root = _root(parent, k * space + i)
            twice = last[root] == k or size[root] < 0
            last[root] = k
            size[root] = -(abs(size[root]) + 1) if twice else size[root] + 1


@njit(nogil=True, cache=True)
def _grow(seed, links, number, order, space, parent, owner, members, animal):  # type: ignore[no-untyped-def]
    """A new animal from link ``seed``, along the best link that leads to a free peak of a keypoint it lacks."""
    root = _root(parent, links[seed, 0])
    for end in range(2):
        node = links[seed, end]
        owner[node] = animal
        members[animal, node // space] = node % space
    grown = True
    while grown:
        grown = False
        for n in range(number):
            a, b = links[order[n]]
            inside_a, inside_b = owner[a] == animal, owner[b] == animal
            if inside_a == inside_b or _root(parent, a) != root:
                continue
            node = b if inside_a else a
            if owner[node] == _FREE and members[animal, node // space] < 0:
                owner[node] = animal
                members[animal, node // space] = node % space
                grown = True
                break


@njit(nogil=True, cache=True)
def _merge(into, gone, members, owner, space):  # type: ignore[no-untyped-def]
    for k in range(members.shape[1]):
        if members[gone, k] >= 0:
            members[into, k] = members[gone, k]
            owner[k * space + members[gone, k]] = into
            members[gone, k] = -1


@njit(nogil=True, cache=True)
def _apart(members, a, b):  # type: ignore[no-untyped-def]
    """Whether two fragments share no keypoint."""
    shared = 0
    for k in range(members.shape[1]):
        shared += members[a, k] >= 0 and members[b, k] >= 0
    return shared == 0


@njit(nogil=True, cache=True)
def _parts(members, animal):  # type: ignore[no-untyped-def]
    number = 0
    for k in range(members.shape[1]):
        number += members[animal, k] >= 0
    return number


@njit(nogil=True, cache=True)
def _fuse_linked(links, number, owner, members, space, whole):  # type: ignore[no-untyped-def]
    """Joins incomplete fragments that a link left over joins."""
    for n in range(number):
        a, b = owner[links[n, 0]], owner[links[n, 1]]
        if a >= 0 and b >= 0 and a != b and not whole[a] and not whole[b] and _apart(members, a, b):
            _merge(a, b, members, owner, space)


@njit(nogil=True, cache=True)
def _nearest(peaks, members, a, b):  # type: ignore[no-untyped-def]
    """Least squared distance between the keypoints of two fragments."""
    least = np.inf
    for k in range(members.shape[1]):
        for m in range(members.shape[1]):
            i, j = members[a, k], members[b, m]
            if i >= 0 and j >= 0:
                away = (peaks[k, i, 0] - peaks[m, j, 0]) ** 2 + (peaks[k, i, 1] - peaks[m, j, 1]) ** 2
                least = min(least, away)
    return least


@njit(nogil=True, cache=True)
def _fuse_near(peaks, owner, members, space, animals, most, values, order, other):  # type: ignore[no-untyped-def]
    """Gives each of the smallest surplus fragments to the nearest larger one that lacks all of its keypoints."""
    present = 0
    for n in range(animals):
        values[n] = -_parts(members, n)
    _descending(values, animals, order, other)
    for n in range(animals):
        present += values[n] < 0
    for n in range(animals - most):
        small = order[n]
        best, least = -1, np.inf
        for m in range(n + 1, animals):
            if _apart(members, small, order[m]) and _parts(members, order[m]) > 0:
                away = _nearest(peaks, members, small, order[m])
                if away < least:
                    best, least = order[m], away
        if best >= 0:
            _merge(best, small, members, owner, space)


@njit(nogil=True, cache=True)
def _twice(peaks, members, a, b, apart):  # type: ignore[no-untyped-def]
    """Whether half or more of b's keypoints lie on average nearer than ``apart`` to the same ones of a."""
    shared = 0
    total = 0.0
    for k in range(members.shape[1]):
        i, j = members[a, k], members[b, k]
        if i >= 0 and j >= 0:
            shared += 1
            total += np.sqrt((peaks[k, i, 0] - peaks[k, j, 0]) ** 2 + (peaks[k, i, 1] - peaks[k, j, 1]) ** 2)
    return 2 * shared >= _parts(members, b) and total < apart * shared


@njit(nogil=True, cache=True)
def _adopt(peaks, counts, owner, members, kept, number, space, values, order, other):  # type: ignore[no-untyped-def]
    """Gives every peak left over, best first, to the nearest animal that lacks the keypoint."""
    left = 0
    for k in range(counts.shape[0]):
        for i in range(counts[k]):
            node = k * space + i
            if owner[node] == _FREE:
                values[left] = peaks[k, i, 2]
                kept[number + left] = node
                left += 1
    _descending(values, left, order, other)
    for n in range(left):
        node = kept[number + order[n]]
        part, i = node // space, node % space
        best, least = -1, np.inf
        for m in range(number):
            animal = kept[m]
            if members[animal, part] >= 0:
                continue
            for k in range(members.shape[1]):
                if members[animal, k] >= 0:
                    x, y = peaks[k, members[animal, k], 0], peaks[k, members[animal, k], 1]
                    away = (peaks[part, i, 0] - x) ** 2 + (peaks[part, i, 1] - y) ** 2
                    if away < least:
                        best, least = animal, away
        if best >= 0:
            members[best, part] = i
            owner[node] = best


@njit(nogil=True, cache=True)
def assemble(  # type: ignore[no-untyped-def]
    peaks, counts, edges, scores, partner, min_score, min_parts, most, fusion, apart, adopt,
    links, values, order, other, parent, size, last, owner, whole, members, kept,
):  # fmt: skip
    """Animals from the links that ``partner`` int64 [E, M] and ``scores`` float64 [E, M, M] hold; returns how many.

    ``kept[n]`` is the row of ``members`` int64 [K * M, K] of the n-th animal: for each keypoint its peak, -1 for
    none. The animal with the largest sum of peak scores comes first. ``min_score``: least score of a link;
    ``min_parts``: least number of keypoints; ``most``: of more animals the best stay; ``fusion``: place in `FUSIONS`,
    used for more than ``most``; ``apart``: animals whose shared keypoints are on average nearer (px) are one;
    ``adopt``: whether peaks left over go to the nearest animal that lacks them. Scratch, for K * M nodes: ``links``
    int64 [n, 2], ``values`` float64, ``order``, ``other``, ``parent``, ``size``, ``last``, ``owner``, ``kept`` int64,
    ``whole`` bool; n nodes and E * M links fit.
    """
    keypoints, space = counts.shape[0], peaks.shape[1]
    number = _collect(scores, partner, counts, edges, min_score, space, links, values)
    _descending(values, number, order, other)
    _components(links, number, counts, space, parent, size, last)
    for k in range(keypoints):
        for i in range(counts[k]):
            owner[k * space + i] = _FREE
    # `last` now says which animal a component without contradiction is.
    animals = 0
    for complete in (True, False):
        for n in range(number):
            a, b = links[order[n]]
            root = _root(parent, a)
            fits = size[root] > 0 and (size[root] == keypoints) == complete
            if owner[a] != _FREE or owner[b] != _FREE or not (fits or (size[root] < 0 and not complete)):
                continue
            members[animals, :] = -1
            if fits:
                for k in range(keypoints):
                    for i in range(counts[k]):
                        if _root(parent, k * space + i) == root:
                            owner[k * space + i] = animals
                            members[animals, k] = i
            else:
                _grow(order[n], links, number, order, space, parent, owner, members, animals)
            whole[animals] = _parts(members, animals) == keypoints
            animals += 1
    if animals > most and fusion == 1:
        _fuse_linked(links, number, owner, members, space, whole)
    if animals > most and fusion == 2:
        _fuse_near(peaks, owner, members, space, animals, most, values, order, other)
    if min_parts <= 1:
        for k in range(keypoints):
            for i in range(counts[k]):
                if owner[k * space + i] == _FREE:
                    owner[k * space + i] = animals
                    members[animals, :] = -1
                    members[animals, k] = i
                    animals += 1
    for n in range(animals):
        values[n] = 0.0
        for k in range(keypoints):
            if members[n, k] >= 0:
                values[n] += peaks[k, members[n, k], 2]
    _descending(values, animals, order, other)
    number = 0
    for n in range(animals):
        animal = order[n]
        parts = _parts(members, animal)
        keep = parts > 0 and parts >= min_parts and number < most
        if keep:
            for m in range(number):
                if _twice(peaks, members, kept[m], animal, apart):
                    keep = False
                    break
        if keep:
            kept[number] = animal
            number += 1
        else:
            for k in range(keypoints):
                if members[animal, k] >= 0:
                    owner[k * space + members[animal, k]] = _FREE
    if adopt:
        _adopt(peaks, counts, owner, members, kept, number, space, values, order, other)
    return number
