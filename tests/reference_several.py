"""Slow, obvious twins of the kernels for several animals: peaks, pair scores, assembly, merging."""

from __future__ import annotations

import itertools
import math

import numpy as np


def finite(value: float) -> bool:
    return math.isfinite(value)


def own_cell_peaks(heatmap, offsets, cells, stride, first, least, most):
    """Rule ``offsets`` for one keypoint: heatmap [h, w], offsets [h, w, 2] -> [(x, y, score)], best first."""
    rows, columns = cells

    def place(i, j):
        return j * stride + first + float(offsets[i, j, 0]), i * stride + first + float(offsets[i, j, 1])

    def around(i, j):
        return [
            (a, b)
            for a, b in itertools.product(range(i - 1, i + 2), range(j - 1, j + 2))
            if 0 <= a < rows and 0 <= b < columns
        ]

    candidates = []
    for i, j in itertools.product(range(rows), range(columns)):
        value = heatmap[i, j]
        inside = all(abs(v) <= 0.75 * stride for v in offsets[i, j].tolist())
        exceeded = any(value < 0.6 * heatmap[a, b] for a, b in around(i, j))
        if finite(value) and value >= least and inside and not exceeded:
            candidates.append((-float(value), i, j))
    found = []
    kept = []
    for negative, i, j in sorted(candidates):
        x, y = place(i, j)
        if len(kept) == most or any(math.hypot(x - u, y - v) < stride for u, v in kept):
            continue
        kept.append((x, y))
        votes = []
        for a, b in around(i, j):
            u, v = place(a, b)
            weight = float(heatmap[a, b]) ** 2 if finite(heatmap[a, b]) and heatmap[a, b] >= 0 else 0.0
            if math.hypot(u - x, v - y) <= 0.5 * stride and weight > 0:
                votes.append((weight, u, v))
        total = sum(weight for weight, _, _ in votes)
        if total:
            x, y = (sum(vote[0] * vote[axis] for vote in votes) / total for axis in (1, 2))
        found.append((x, y, -negative))
    return found


def maxima(heatmap, cells, radius, least, most, strict):
    """Rules ``maxima`` and ``strict`` for one keypoint -> [(row, column, score)], best first."""
    rows, columns = cells
    grid = list(itertools.product(range(rows), range(columns)))

    def window(i, j, reach):
        return [(a, b) for a, b in grid if max(abs(a - i), abs(b - j)) <= reach and (a, b) != (i, j)]

    def surroundings(cell):
        values = [heatmap[a, b] for a, b in [cell, *window(*cell, 2)]]
        return sum(float(v) for v in values if finite(v))

    found, done = [], set()
    for i, j in grid:
        value = heatmap[i, j]
        if not finite(value) or value < least or (i, j) in done:
            continue
        plateau, stack = {(i, j)}, [(i, j)]
        while stack:
            for cell in window(*stack.pop(), 1):
                if heatmap[cell] == value and cell not in plateau:
                    plateau.add(cell)
                    stack.append(cell)
        done |= plateau
        beaten = any(heatmap[other] > value for cell in plateau for other in window(*cell, radius))
        tied = any(heatmap[other] == value for cell in plateau for other in window(*cell, radius))
        if beaten or (strict and tied):
            continue
        middle = [sum(cell[axis] for cell in plateau) for axis in (0, 1)]

        def away(cell, middle=middle, plateau=plateau):
            return sum((cell[axis] * len(plateau) - middle[axis]) ** 2 for axis in (0, 1))

        best = max(sorted(plateau), key=lambda cell: (surroundings(cell), -away(cell), -cell[0], -cell[1]))
        found.append((*best, float(value)))
    return sorted(found, key=lambda peak: (-peak[2], *peak[:2]))[:most]


def link_score(start, stop, field, cells, stride, first, points, sharp):
    """Score of one line on a field [h, w, 2], read at ``points`` places."""
    (x, y), (u, v) = start, stop
    length = math.hypot(u - x, v - y)
    total = 0.0
    for n in range(points):
        share = n / (points - 1)
        place = [(x + share * (u - x) - first) / stride, (y + share * (v - y) - first) / stride]
        column, row = (int(min(max(round(p), 0), size - 1)) for p, size in zip(place, cells[::-1], strict=True))
        across, along = np.array([u - x, v - y]) / length, field[row, column].astype(float)
        dot, cross = along @ across, along[0] * across[1] - along[1] * across[0]
        if not sharp:
            total += dot
        elif dot > 0:
            tangent = cross / dot
            shares = ((0.05, 3), (0.15, 50), (0.8, 2000))
            total += dot * sum(share / (1 + (inverse * tangent) ** 2) for share, inverse in shares)
        if sharp and along @ along < 0.09:
            total -= 2 * (1 - along @ along / 0.09)
    score = total / points
    if sharp and score < 0.3 and length < 6 * stride and drawn_exactly(start, stop, field, cells, stride, first):
        return 0.3
    return score


def drawn_exactly(start, stop, field, cells, stride, first):
    """Whether a cell in the box about a line, one cell wider, points along it to a tangent of about 2e-4."""
    ends = (np.array([start, stop]) - first) / stride
    direction = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    for row, column in np.ndindex(cells):
        inside = (ends.min(axis=0) - 1 <= (column, row)).all() and ((column, row) <= ends.max(axis=0) + 1).all()
        u, v = field[row, column].astype(float)
        if inside and u * direction[0] + v * direction[1] > 0.9 and abs(u * direction[1] - v * direction[0]) < 2e-4:
            return True
    return False


def assembled(links, parts, most):
    """Animals from links [((k, i), (m, j), score)] -> [{k: i}]: whole components, then growth from the best link.

    Fragments beyond ``most`` are joined by links left over. Nothing is dropped; animals of one part are left out.
    """
    ordered = sorted(links, key=lambda link: -link[2])
    component = {}
    for a, b, _ in links:
        one, other = component.get(a, {a}), component.get(b, {b})
        for node in one | other:
            component[node] = one | other

    def agrees(nodes):
        return len({k for k, _ in nodes}) == len(nodes)

    taken, animals = {}, []
    for whole in (True, False):
        for a, b, _ in ordered:
            nodes = component[a]
            if a in taken or b in taken or (agrees(nodes) and len(nodes) == parts) != whole:
                continue
            members = set(nodes) if agrees(nodes) else {a, b}
            while not agrees(nodes):
                further = [
                    ({c, d} - members).pop()
                    for c, d, _ in ordered
                    if len({c, d} & members) == 1
                    and ({c, d} - members).pop() not in taken
                    and ({c, d} - members).pop()[0] not in {k for k, _ in members}
                ]
                if not further:
                    break
                members.add(further[0])
            taken |= dict.fromkeys(members, len(animals))
            animals.append(dict(members))
    if len(animals) > most:
        complete = [len(animal) == parts for animal in animals]
        for a, b, _ in links:
            one, other = taken.get(a), taken.get(b)
            if one is None or other is None or one == other or complete[one] or complete[other]:
                continue
            if not animals[one].keys() & animals[other].keys():
                animals[one] |= animals[other]
                taken |= dict.fromkeys(animals[other].items(), one)
                animals[other] = {}
    return [animal for animal in animals if animal]
