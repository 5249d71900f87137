"""OKS and its average precision: pycocotools against a twin written from the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("pycocotools")

from posewire_bench.oks import animal_scores, areas, average_precision


def slow_similarity(found, labels, area, constant=0.1):
    values = []
    for (x, y), (u, v) in zip(found[:, :2].tolist(), labels.tolist(), strict=True):
        if not math.isnan(u):
            values.append(0.0 if math.isnan(x) else math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * area * constant**2)))
    return sum(values) / len(values)


def slow_average_precision(found, labels):
    """Per threshold: the best-scored animals of each frame take the labelled animal of largest OKS that is left;
    precision, made falling from the right, is read at 101 recalls."""
    size = areas(labels)
    present = ~np.isnan(labels).all(axis=(2, 3))
    values = []
    for threshold in np.linspace(0.5, 0.95, 10):
        judged = []  # (score, right)
        for n, animals in enumerate(found):
            free = {int(a) for a in np.nonzero(present[n])[0]}
            scores = animal_scores(animals)
            for i in np.argsort(-scores, kind="stable"):
                near = {a: slow_similarity(animals[i], labels[n, a], float(size[n, a])) for a in free}
                best = max(near, key=near.get, default=None)
                right = best is not None and near[best] >= threshold
                if right:
                    free.discard(best)
                judged.append((float(scores[i]), right))
        judged.sort(key=lambda pair: -pair[0])
        right = np.cumsum([pair[1] for pair in judged])
        recall, precision = right / present.sum(), right / np.arange(1, len(judged) + 1)
        read = [max(precision[recall >= at], default=0.0) for at in np.linspace(0, 1, 101)]
        values.append(np.mean(read))
    return np.mean(values), values[0], values[5]


def scene(seed, frames=6, animals=3, keypoints=5):
    """Labels with gaps, and animals found at, beside and far from them."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(100, 900, (frames, animals, 1, 2))
    labels = (centres + rng.uniform(-60, 60, (frames, animals, keypoints, 2))).astype(np.float32)
    labels[rng.random(labels.shape[:3]) < 0.15] = np.nan
    labels[rng.random(labels.shape[:2]) < 0.2] = np.nan
    found = []
    for n in range(frames):
        poses = []
        for a in range(animals + 1):
            base = labels[n, a] if a < animals else rng.uniform(0, 1000, (keypoints, 2)).astype(np.float32)
            if np.isnan(base).all() or rng.random() < 0.1:
                continue
            base = np.where(np.isnan(base), np.float32(300), base)
            pose = np.concatenate([base + rng.normal(0, rng.uniform(1, 9), base.shape), rng.random((keypoints, 1))], 1)
            pose[rng.random(keypoints) < 0.1] = (np.nan, np.nan, 0)
            poses.append(pose)
        found.append(np.array(poses, np.float32).reshape(-1, keypoints, 3))
    return found, labels


@pytest.mark.parametrize("seed", range(12))
def test_pycocotools_gives_what_the_definition_gives(seed):
    found, labels = scene(seed)
    ours = average_precision(found, labels)
    assert (ours.mean, ours.at_50, ours.at_75) == pytest.approx(slow_average_precision(found, labels), abs=1e-9)


def test_the_labels_themselves_are_perfect_and_nothing_is_worth_nothing(capfd):
    _, labels = scene(3)
    ones = np.ones((*labels.shape[:3], 1), np.float32)
    poses = np.concatenate([labels, ones], axis=-1)
    own = [frame[~np.isnan(frame[..., :2]).all(axis=(1, 2))] for frame in poses]
    assert average_precision(own, labels).mean == pytest.approx(1)
    none = [frame[:0] for frame in poses]
    assert average_precision(none, labels).mean == 0
    assert math.isnan(average_precision(own, np.full_like(labels, np.nan)).mean)
    assert capfd.readouterr().out == ""


def test_an_animal_along_an_axis_still_has_an_area():
    labels = np.array([[[[10, 50], [110, 50]]], [[[0, 0], [60, 80]]]], np.float32)
    assert areas(labels)[:, 0] == pytest.approx([0.05 * 100**2, 60 * 80])
