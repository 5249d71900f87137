"""Maps of several animals -> poses: peaks, links and animals in buffers made once.

`Assembler` goes from peaks and pair scores to animals, `MapDecoder` from maps to animals. Both are what the pipeline
runs and what the comparisons with other tools call; `Grid` is the only thing that differs between their pixel
conventions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire.assignment import Workspace, assign_edges
from posewire.decode.assembly import FUSIONS, assemble
from posewire.decode.links import match_greedily, score_pairs
from posewire.decode.peaks import REFINEMENTS, RULES, find_peaks
from posewire.decode.poses import list_rows, write_bonds, write_poses
from posewire.frame import Floats
from posewire.preprocess import Geometry
from posewire_models.contract import ModelContract
from posewire_models.decoding import Decoding
from posewire_models.grid import cell_centre
from posewire_models.skeleton import Pair

Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_NO_LIMIT = 1 << 30
_SHARP_SHARE = 0.12  # of the best link of a frame, where the field's direction counts sharply (see `links`)
_MOST_BONDED = 32  # animals; of more nobody is told how well they would join
_LOOSE = 6  # peaks of each keypoint that belong to nobody


@dataclass(frozen=True)
class Grid:
    """Cells of a map: ``stride`` px apart, the centre of cell 0 at pixel ``first`` of the network's input.

    Ours (`Grid.of`) has ``(stride - 1) / 2``; SLEAP's 0, DeepLabCut's ``stride // 2``.
    """

    stride: float
    first: float

    @classmethod
    def of(cls, stride: int) -> Grid:
        """The grid of model file 1."""
        return cls(float(stride), float(cell_centre(0.0, stride)))


@dataclass(frozen=True)
class Placement:
    """How the maps' input lies in the frame: pixel x of the input is ``left + (x + 0.5) / scale[0] - 0.5`` of the
    frame.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    left: float = 0.0
    top: float = 0.0


class Assembler:
    """Peaks and pair scores -> animals.

    ``keypoints``: K; ``edges``: pairs of keypoints. The caller fills ``peaks`` float64 [K, M, 3] (x, y, score; the best
    first) and ``counts`` int64 [K], and for edge e ``scores`` float64 [E, M, M] (first end's peak, second end's), then
    calls `link`. M is ``rules.max_peaks``. ``apart_px``: see `Decoding.apart_cells`, here in pixels.
    """

    def __init__(self, keypoints: int, edges: Sequence[Pair], rules: Decoding, apart_px: float = 1.0) -> None:
        self.rules = rules
        self.edges: Indices = np.asarray(edges, np.int64).reshape(-1, 2)
        most, count = rules.max_peaks, len(self.edges)
        nodes = keypoints * most
        room = max(nodes, count * most)
        self.most_animals = min(rules.max_animals or _NO_LIMIT, nodes)
        self.peaks: Doubles = np.zeros((keypoints, most, 3), np.float64)
        self.counts: Indices = np.zeros(keypoints, np.int64)
        self.scores: Doubles = np.zeros((count, most, most), np.float64)
        self.partner: Indices = np.full((count, most), -1, np.int64)
        self.members: Indices = np.full((nodes, keypoints), -1, np.int64)
        self.kept: Indices = np.zeros(2 * nodes, np.int64)
        self.animals = 0
        self.linked = min(rules.linked_peaks or most, most)
        self._apart = apart_px
        self._space = Workspace(most)
        self._cost = np.zeros((most, most), np.float64)
        self._links = np.zeros((room, 2), np.int64)
        self._values = np.zeros(room, np.float64)
        self._scratch = [np.zeros(room, np.int64) for _ in range(6)]
        self._whole = np.zeros(nodes, np.bool_)

    def link(self, min_link: float | None = None) -> int:
        """Animals from what stands in the buffers; returns how many. `members` of row ``kept[n]`` is the n-th.
        ``min_link``: least score of a link in this frame, by default that of the rules.
        """
        min_link = self.rules.min_link if min_link is None else min_link
        rules, peaks, counts, edges = self.rules, self.peaks, self.counts, self.edges
        if rules.matching == "greedy":
            match_greedily(self.scores, peaks, counts, edges, self.linked, rules.linked_score, min_link, self.partner)
        else:
            space = self._space
            assign_edges(
                self.scores, peaks, counts, edges, self.linked, rules.linked_score, min_link,
                rules.matching == "forced",
                self._cost, self.partner, space.floats, space.integers,
            )  # fmt: skip
        order, other, parent, size, last, owner = self._scratch
        self.animals = assemble(
            peaks, counts, edges, self.scores, self.partner, min_link, rules.min_parts, self.most_animals,
            FUSIONS.index(rules.fuse), self._apart, rules.adopt,
            self._links, self._values, order, other, parent, size, last, owner, self._whole, self.members, self.kept,
        )  # fmt: skip
        return self.animals


class MapDecoder:
    """Heatmaps, offsets and part affinity fields of one input size -> animals.

    ``shape``: h, w of the heatmaps; ``cells``: rows and columns of them that hold picture, the rest is padding;
    ``paf_shape``, ``paf_cells``: the same of the fields. ``min_score``: least score of a peak. `decode` leaves
    ``poses``, float32 [A, K, 3] = x, y (px of the frame), score, the animal with the largest sum of scores first; a
    missing keypoint is NaN, NaN, 0. For a tracker: ``loose`` float32 [F, K, 3] are keypoints that belong to nobody,
    each for itself, and ``bonds`` float32 [A + F, A + F, E] say how well each limb would join two of all these rows
    (see `write_bonds`); None, and none loose, of more than 32 animals. All are views that the next call overwrites.
    """

    def __init__(
        self,
        keypoints: int,
        edges: Sequence[Pair],
        rules: Decoding,
        shape: tuple[int, int],
        paf_shape: tuple[int, int],
        grid: Grid,
        paf_grid: Grid,
        min_score: float,
        *,
        cells: tuple[int, int] | None = None,
        paf_cells: tuple[int, int] | None = None,
        placement: Placement = Placement(),
    ) -> None:
        self.assembler = Assembler(keypoints, edges, rules, rules.apart_cells * grid.stride)
        self.placement = placement
        self.rules = rules
        self.stride = grid.stride
        self._grid, self._paf_grid = grid, paf_grid
        self._cells = cells or shape
        self._paf_cells = paf_cells or paf_shape
        self._least = np.int32(np.float32(max(min_score, 0.0)).view(np.int32))
        area = shape[0] * shape[1]
        self._bits_shape = (shape[0], shape[1] * keypoints)
        self._found = np.zeros(area * keypoints, np.int64)
        self._listed = np.zeros(area * keypoints, np.int64)
        self._starts = np.zeros(keypoints + 1, np.int64)
        self._kept = np.zeros(area, np.int64)
        self._places = np.zeros((area, 2), np.float64)
        self._mark = np.zeros(area, np.int64)
        self._stamp = 1
        longest = rules.longest_px or (np.inf,) * len(edges)
        self._sharp = rules.alignment == "sharp"
        self._longest = np.asarray(longest, np.float64).reshape(-1)
        self._rule = RULES.index(rules.peaks)
        self._refinement = REFINEMENTS.index(rules.refine)
        self._radius = rules.window_cells // 2
        most = self.assembler.most_animals + _LOOSE
        self._rows = np.full((most, keypoints), -1, np.int64)
        self._used = np.zeros((keypoints, rules.max_peaks), np.bool_)
        self._room: Floats = np.zeros((most, keypoints, 3), np.float32)
        self.poses: Floats = self._room[:0]
        self.loose: Floats = self._room[:0]
        self._bonds_room: Floats = np.zeros((_MOST_BONDED + _LOOSE) ** 2 * len(edges), np.float32)
        self.bonds: Floats | None = None
        self.decode(
            np.zeros((*shape, keypoints), np.float32),
            np.zeros((*shape, keypoints, 2), np.float32),
            np.zeros((*paf_shape, len(edges), 2), np.float32),
        )

    def find(self, heatmaps: Floats, offsets: Floats) -> None:
        """The first half: peaks of heatmaps float32 [h, w, K] and offsets float32 [h, w, K, 2] (C order)."""
        assembler = self.assembler
        self._stamp = find_peaks(
            heatmaps, heatmaps.view(np.int32).reshape(self._bits_shape), offsets, *self._cells,
            self._grid.stride, self._grid.first, self._least, self._rule, self._refinement, self._radius,
            self._found, self._starts, self._listed, self._kept, self._places, self._mark, self._stamp,
            assembler.peaks, assembler.counts,
        )  # fmt: skip

    def decode(self, heatmaps: Floats, offsets: Floats, pafs: Floats) -> Floats:
        """All of it: maps as for `find` and pafs float32 [h', w', E, 2] -> ``poses``."""
        assembler, rules = self.assembler, self.rules
        self.find(heatmaps, offsets)
        best = score_pairs(
            assembler.peaks, assembler.counts, assembler.linked, rules.linked_score, assembler.edges, pafs,
            *self._paf_cells, self._paf_grid.stride, self._paf_grid.first, rules.line_points,
            self._longest, rules.longest_weight, rules.same_place, self._sharp,
            0.5 * rules.min_link, assembler.scores,
        )  # fmt: skip
        number = assembler.link(max(rules.min_link, _SHARP_SHARE * best) if self._sharp else rules.min_link)
        few = number <= _MOST_BONDED
        rows = list_rows(
            assembler.counts, assembler.members, assembler.kept, number, _LOOSE if few else 0, self._rows, self._used
        )
        place = self.placement
        write_poses(assembler.peaks, self._rows, rows, *place.scale, place.left, place.top, self._room)
        self.poses, self.loose, self.bonds = self._room[:number], self._room[number:rows], None
        if few:
            shape = (rows, rows, len(assembler.edges))
            self.bonds = self._bonds_room[: rows * rows * shape[2]].reshape(shape)
            write_bonds(assembler.scores, self._rows, rows, assembler.edges, self.bonds)
        return self.poses


def map_decoder(contract: ModelContract, geometry: Geometry, rules: Decoding, min_score: float) -> MapDecoder:
    """The decoder of a model of several animals for frames that reach its input by ``geometry``."""
    assert contract.paf_stride is not None  # the contract of several animals demands it

    def cells(stride: int) -> tuple[tuple[int, int], tuple[int, int]]:
        (width, height), (columns, rows) = geometry.padded, geometry.resized
        # A cell that lies wholly in the padding cannot hold a keypoint.
        return (height // stride, width // stride), (-(-rows // stride), -(-columns // stride))

    shape, looked_at = cells(contract.stride)
    paf_shape, paf_looked_at = cells(contract.paf_stride)
    return MapDecoder(
        len(contract.keypoints),
        contract.skeleton,
        rules,
        shape,
        paf_shape,
        Grid.of(contract.stride),
        Grid.of(contract.paf_stride),
        min_score,
        cells=looked_at,
        paf_cells=paf_looked_at,
        placement=Placement(geometry.scale, float(geometry.crop.x), float(geometry.crop.y)),
    )
