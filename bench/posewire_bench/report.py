"""The report of `posewire evaluate --report`: one HTML file, to read and to print, that needs no network and no script.

It shows an `Evaluation`; every number in it comes from there or from the figures of ``--json``.
"""

from __future__ import annotations

import base64
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2

from posewire_bench.charts import confusion_chart, histogram, pck_chart, reliability_chart
from posewire_bench.confusion import FAR, LEAST_ERROR, REACH, confusion_counts
from posewire_bench.evaluation import Evaluation
from posewire_bench.metrics import RESAMPLES
from posewire_bench.oks import KEYPOINT_CONSTANT, LEAST_AREA
from posewire_bench.worst import Picture, worst_frames
from posewire_models.errors import WorkError
from posewire_models.files import write_whole
from posewire_training.labels.record import labelled

_MOST_LISTED = 30
_KINDS = {"left_right": "left-right", "head_tail": "head-tail", "other": "other"}
_STYLE = """
body { font: 15px/1.45 system-ui, "Helvetica Neue", Arial, sans-serif; color: #111; background: #fff;
  max-width: 980px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; margin: 0 0 .2em; } h2 { font-size: 1.2em; margin: 1.8em 0 .5em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0; }
th, td { text-align: right; padding: .18em .8em; border-bottom: 1px solid #e3e3e3; }
th:first-child, td:first-child, .words td, .words th { text-align: left; }
th { font-weight: 600; } th, td:first-child { white-space: nowrap; } thead th { border-bottom: 1px solid #888; }
.words td { overflow-wrap: anywhere; }
figure { margin: .8em 0; break-inside: avoid; } figure svg, figure img { max-width: 100%; height: auto; }
figure svg { display: block; }
figcaption, .note { color: #444; font-size: .92em; }
.warning { border-left: 4px solid #D55E00; background: #fdf1e8; padding: .6em 1em; }
@media print { body { margin: 0; max-width: none; font-size: 10.5pt; } h2, h2 + p { break-after: avoid; }
  tr { break-inside: avoid; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def write_report(path: Path, result: Evaluation, found: dict[str, Any]) -> None:
    """Write the report, there whole or not at all. ``found``: the figures of ``--json``. Raises WorkError."""
    page = page_of(result, found, worst_frames(result.measured, result.contract.body), datetime.now(timezone.utc))
    try:
        write_whole(path, page.encode())
    except OSError as error:
        raise WorkError(f"--report {path}: cannot be written ({error.strerror or error})") from None


def page_of(result: Evaluation, found: dict[str, Any], pictures: Sequence[Picture], when: datetime) -> str:
    """The page as text."""
    sections = [_head(result, when), _overall(result, found), _per_keypoint(result), *_calibration(result, found)]
    sections += [_confusions(result, found), _worst(pictures), _definitions(result)]
    title = escape(f"{result.contract.name} on {result.labels_file.name}")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def _head(result: Evaluation, when: datetime) -> str:
    contract, seen = result.contract, result.provenance
    labels = result.measured.labels
    animals = int(labelled(labels.points).any(axis=-1).sum())
    kind = ' class="warning"' if seen.seen is not False else ' class="note"'
    rows = [
        ("model", f"{contract.name} ({result.model.path.name})"),
        ("sha256", result.model.sha256),
        ("learned from", f"{contract.trained_on.get('data', 'unknown')}"),
        ("error on its card", _card_error(contract.error_px)),
        ("labels", f"{result.labels_file.resolve()}"),
        ("frames", f"{len(labels)}, with {animals} labelled animals and {result.labelled} labelled keypoints"),
        ("made", f"{when:%Y-%m-%d %H:%M} UTC, Posewire {version('posewire')}, {_versions()}"),
    ]
    return (
        f"<h1>{escape(contract.name)} on {escape(result.labels_file.name)}</h1>\n<p{kind}>{escape(seen.sentence)}</p>\n"
        + _table((), rows, "words")
    )


def _card_error(error: dict[str, Any]) -> str:
    value = error.get("value")
    if value is None:
        return "none"
    return f"{value:g} px on {error.get('frames', '?')} frames; held out: {error.get('held_out', 'unknown')}"


def _versions() -> str:
    packages = ("onnxruntime-gpu", "onnxruntime", "numpy", "opencv-python-headless", "pycocotools")
    known = []
    for name in packages:
        try:
            known.append(f"{name} {version(name)}")
        except ModuleNotFoundError:
            continue
    return ", ".join([f"Python {platform.python_version()}", *known])


def _overall(result: Evaluation, found: dict[str, Any]) -> str:
    length = found["body_length_px"]
    interval = found["interval_px"]["mean"]

    def row(name: str, px: float | None, more: str = "") -> tuple[str, ...]:
        lengths = _in(px / length, 3) if px is not None and length else "–"
        return name, _in(px, 2), more or "–", lengths

    rows = [
        row("mean", found["mean_px"], _range(interval)),
        row("median", found["median_px"]),
        row("p95", found["p95_px"]),
    ]
    table = _table(("error of all keypoints", "px", "95 % interval, px", "body lengths"), rows)
    within = "\n".join(
        _table(
            (f"within … {unit.replace('_', ' ')}", *shares),
            [("share of labelled keypoints, %", *(_in(100 * share, 1) for share in shares.values()))],
        )
        for unit, shares in found["pck"].items()
        if None not in shares.values()
    )
    words = [
        f"One body length is {length:.1f} px." if length else "No animal has two labelled keypoints: no body length.",
        f"{found['missed']} labelled keypoints were not found or scored below the model's threshold of "
        f"{result.min_score:g}; {found['false']} keypoints scored above it where nothing is labelled.",
    ]
    several = ""
    if "oks_map" in found:
        names = ("animals: precision", "recall", "keypoints found", "OKS mAP", "AP50", "AP75")
        keys = ("precision", "recall", "found", "oks_map", "oks_ap50", "oks_ap75")
        words.insert(
            0, f"Of each frame the best {result.most} animals count, as many as are labelled in one or asked for."
        )
        several = _table(names, [tuple(_in(found[key], 3) for key in keys)])
    return (
        f"<h2>Error</h2>\n{table}\n{within}\n{several}\n<p>{escape(' '.join(words))}</p>\n"
        + _figure(
            pck_chart(result.measured.errors, result.length, result.contract.keypoints),
            "PCK: share of labelled keypoints found within a distance of their label.",
        )
        + _figure(histogram(result.measured.errors, result.overall), "Errors of the keypoints that were found.")
    )


def _per_keypoint(result: Evaluation) -> str:
    rows = [
        (name, str(one.count), _in(one.mean, 2), _range(one.interval), _in(one.median, 2), _in(one.p95, 2),
         _in(one.mean / result.length, 3))
        for name, one in zip(result.contract.keypoints, result.per_keypoint, strict=True)
    ]  # fmt: skip
    heads = ("keypoint", "found", "mean px", "95 % interval", "median px", "p95 px", "mean body lengths")
    return f"<h2>Each keypoint</h2>\n{_table(heads, rows)}"


def _calibration(result: Evaluation, found: dict[str, Any]) -> list[str]:
    figures, ours = found["calibration"], result.calibration
    if not figures["scores"]:
        return []
    wrong = figures["scores"] - figures["correct"]
    fitted = (
        f"Temperature {figures['temperature']:.3f} makes them fit best; the expected calibration error is then "
        f"{_in(figures['ece_tempered'], 3)} (each frame tempered by the temperature of the others)."
        if ours.fitted
        else "Too few are right or wrong to fit a temperature (10 of each are needed)."
    )
    empty = "counts as wrong" if result.empty == "absent" else "is left out"
    return [
        "<h2>Does the score mean what it says?</h2>\n"
        f"<p>Of {figures['scores']} scored keypoints {figures['correct']} are right (within "
        f"{figures['correct_within_body_lengths']:g} body lengths) and {wrong} wrong; one without label {empty}. "
        f"The expected calibration error is {_in(figures['ece'], 3)}. {fitted}</p>\n"
        + _figure(
            reliability_chart(ours.before, ours.after if ours.fitted else None, ours.temperature),
            "Reliability: of keypoints with a score of 0.8, 80 % should be right. Above the diagonal: too modest.",
        )
    ]


def _confusions(result: Evaluation, found: dict[str, Any]) -> str:
    figures, names = found["confusions"], result.contract.keypoints
    head = "<h2>Keypoints taken for one another</h2>\n"
    counts = ", ".join(f"{figures[kind]} {name}" for kind, name in _KINDS.items())
    if swapped := figures["swapped_animals"]:
        counts += f"; whole animals with left and right exchanged: {len(swapped)}"
    if not figures["listed"]:
        return f"{head}<p>None: {counts}.</p>"
    several = result.measured.labels.animals > 1
    rows = [
        (one["frame"], *([str(one["animal"] + 1)] if several else []), one["keypoint"], one["at"],
         _KINDS[one["kind"]], _in(one["error_px"], 1))
        for one in sorted(figures["listed"], key=lambda one: -one["error_px"])[:_MOST_LISTED]
    ]  # fmt: skip
    heads = ("frame", *(["animal"] if several else []), "predicted", "lay at the label of", "kind", "error px")
    rest = len(figures["listed"]) - _MOST_LISTED
    more = f'<p class="note">The largest errors; {rest} more, <code>--json</code> lists all.</p>' if rest > 0 else ""
    chart = confusion_chart(confusion_counts(result.confusions, len(names)), names)
    drawn = _figure(chart, "How often; keypoints that were never confused are left out.")
    return f"{head}<p>{counts}.</p>\n{drawn}{_table(heads, rows, 'words')}{more}"


def _worst(pictures: Sequence[Picture]) -> str:
    shown = []
    for picture in pictures:
        _, png = cv2.imencode(".png", picture.image)
        data = base64.b64encode(png.tobytes()).decode()
        height, width = picture.image.shape[:2]
        shown.append(
            f'<figure><img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
            f'alt="{escape(picture.text)}"></figure>'
        )
    return (
        "<h2>Worst frames</h2>\n<p>White cross with a black rim: label. Coloured dot: prediction. Coloured line: the "
        "error between them. Thin white lines: the predicted skeleton.</p>\n" + "\n".join(shown)
    )


def _definitions(result: Evaluation) -> str:
    words = [
        "<b>Error</b>: distance of a prediction to its label, in pixels of the whole frame, over labelled keypoints "
        "that were found, whatever their score.",
        "<b>Body length</b>: the median, over labelled animals, of the diagonal of the box of an animal's labelled "
        "keypoints.",
        f"<b>95 % interval</b> of a mean: bootstrap over frames, {RESAMPLES} times. Frames next to each other in a "
        "video are alike: it is then too narrow.",
        "<b>PCK</b> counts labelled keypoints that were not found as farther than any distance.",
        f"<b>Confusion</b>: a prediction more than {LEAST_ERROR:g} body lengths from its own label, within {REACH:g} "
        "of another one of the same animal, and at most half as far from that. Left-right: mirror partners. "
        f"Head-tail: any others whose labels lie more than {FAR:g} body lengths apart.",
        "<b>Temperature</b> T: score' = sigmoid(logit(score) / T), with least log loss; Guo et al. 2017.",
    ]
    if result.precision is not None:
        words.append(
            "<b>OKS mAP</b>: Lin et al. 2014, by pycocotools: mean average precision over OKS 0.50 to 0.95, with "
            f"k = {KEYPOINT_CONSTANT:g} for every keypoint and s² = area of the box of labelled keypoints (at least "
            f"{LEAST_AREA:.0%} of a squared body length). <b>Precision, recall</b>: of the animals found, and of those "
            "labelled, the share that was matched."
        )
    return "<h2>Definitions</h2>\n<ul>" + "".join(f"<li>{one}</li>" for one in words) + "</ul>"


def _in(value: float | None, digits: int) -> str:
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def _range(ends: Sequence[float] | None) -> str:
    return "–" if ends is None or any(end != end for end in ends) else f"{ends[0]:.2f} to {ends[1]:.2f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Cells are text; the first of each row is its name."""
    head = f"<thead><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in heads)}</tr></thead>" if heads else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table{f' class={kind}' if kind else ''}>{head}<tbody>{body}</tbody></table>"


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>\n"
