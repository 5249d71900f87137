"""The verbs `posewire bench ...`: figures with percentiles, intervals, machine and versions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from posewire.console import Json, Signals, emit, say

bench_app = typer.Typer(
    help="Measure this machine: figures to compare and to publish.", no_args_is_help=True, rich_markup_mode=None
)

Out = Annotated[Path | None, typer.Option(help="Folder for FIGURES.json, FIGURES.md and FIGURES.html.")]
Rounds = Annotated[int, typer.Option(help="Rounds in which all that is measured takes turns.")]
Seconds = Annotated[float, typer.Option(help="Time for each thing measured, of all rounds together.")]
Provider = Annotated[str, typer.Option(help="auto, tensorrt, cuda, cpu.")]
Preset = Annotated[str | None, typer.Option(help="kane2020: picture sizes that others have published figures for.")]


def _progress(line: str) -> None:
    """One line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def _finish(report: dict[str, Any], out: Path | None, as_json: bool) -> int:
    from posewire_bench.outcome import markdown
    from posewire_bench.page import write_figures

    _progress("")  # the line that was written over is gone before the result
    if out is not None:
        for path in write_figures(out, report):
            say(f"wrote {path}")
    emit(report, markdown(report), as_json)
    return 0


@bench_app.command("model")
def bench_model(
    model: Annotated[
        list[str] | None, typer.Option(help="A zoo model's name or an ONNX file; several take turns.")
    ] = None,
    size: Annotated[list[str] | None, typer.Option(help="Input of the network, WxH; several take turns.")] = None,
    batch: Annotated[int, typer.Option(help="Pictures in one run of the network.")] = 1,
    threads: Annotated[
        list[int] | None, typer.Option(help="Threads on the CPU; 0: chosen; several take turns.")
    ] = None,
    provider: Annotated[str, typer.Option(help="auto, tensorrt, cuda, cpu; all: each that runs here.")] = "auto",
    preset: Preset = None,
    rounds: Rounds = 15,
    seconds: Seconds = 5.0,
    out: Out = None,
    as_json: Json = False,
) -> int:
    """The network alone, input and outputs bound."""
    with Signals().installed():
        from posewire_bench.model import bench_model as work
        from posewire_bench.outcome import checked_plan
        from posewire_bench.page import checked_out

        checked_out(out)
        report = work(
            model or ["mouse-topview"],
            size or [],
            checked_plan(rounds, seconds),
            provider=provider,
            threads=threads or [0],
            batch=batch,
            preset=preset,
            say=_progress,
        )
    return _finish(report, out, as_json)


@bench_app.command("decode")
def bench_decode(
    animals: Annotated[list[int] | None, typer.Option(help="Animals in the maps; several numbers take turns.")] = None,
    keypoints: Annotated[int, typer.Option(help="Keypoints of an animal.")] = 15,
    cells: Annotated[str, typer.Option(help="Cells of a heatmap, WxH.")] = "128x128",
    rounds: Rounds = 15,
    seconds: Seconds = 2.0,
    out: Out = None,
    as_json: Json = False,
) -> int:
    """Maps -> keypoints and animals."""
    with Signals().installed():
        from posewire_bench.decode import bench_decode as work
        from posewire_bench.outcome import checked_plan
        from posewire_bench.page import checked_out
        from posewire_bench.sizes import parse_size

        checked_out(out)
        plan = checked_plan(rounds, seconds)
        report = work(animals or [1, 4, 20], keypoints, parse_size(cells, "--cells"), plan, say=_progress)
    return _finish(report, out, as_json)


@bench_app.command("pipeline")
def bench_pipeline(
    model: Annotated[
        list[str] | None, typer.Option(help="A zoo model's name or an ONNX file; several take turns.")
    ] = None,
    source: Annotated[
        str, typer.Option("--source", "--video", help="Where the frames come from: a video, a folder, synthetic.")
    ] = "synthetic",
    size: Annotated[
        list[str] | None, typer.Option(help="Picture that reaches the network, WxH; several take turns.")
    ] = None,
    frame_size: Annotated[
        str | None, typer.Option(help="Frames of the camera, WxH; with --size the network sees their middle.")
    ] = None,
    crop: Annotated[
        list[str] | None, typer.Option(help="full, follow, or X,Y,W,H in pixels of the frame; several take turns.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames that are held in memory and run in turn.")] = 100,
    provider: Provider = "auto",
    threads: Annotated[int, typer.Option(help="Threads of the network on the CPU; 0: chosen.")] = 0,
    whole: Annotated[
        bool, typer.Option("--whole", help="Also the whole program, `posewire run --pace max`: frames/s.")
    ] = False,
    against: Annotated[str | None, typer.Option(help="dlclive: DeepLabCut-Live on the same frames, in turn.")] = None,
    peer_python: Annotated[Path | None, typer.Option(help="The Python that has DeepLabCut-Live.")] = None,
    peer_model: Annotated[
        Path | None, typer.Option(help="A model that DeepLabCut exported; default: one of the kind is built.")
    ] = None,
    preset: Preset = None,
    rounds: Rounds = 15,
    seconds: Seconds = 5.0,
    out: Out = None,
    as_json: Json = False,
) -> int:
    """Frame in -> message out, against a bare loop of the same network."""
    with Signals().installed():
        from posewire_bench.outcome import checked_plan
        from posewire_bench.page import checked_out
        from posewire_bench.pipeline import PipelineSettings
        from posewire_bench.pipeline import bench_pipeline as work

        checked_out(out)
        settings = PipelineSettings(
            models=model or ["mouse-topview"],
            source=source,
            sizes=size or [],
            frame_size=frame_size,
            crops=crop or ["full"],
            frames=frames,
            provider=provider,
            threads=threads,
            preset=preset,
            whole=whole,
            against=against,
            peer_python=peer_python,
            peer_model=peer_model,
        )
        report = work(settings, checked_plan(rounds, seconds), say=_progress)
    return _finish(report, out, as_json)


@bench_app.command("wire")
def bench_wire(
    rate: Annotated[float, typer.Option(help="Messages a second.")] = 500.0,
    subscribers: Annotated[int, typer.Option(help="Subscribers in all; above 1, compared with one alone.")] = 1,
    stuck: Annotated[int, typer.Option(help="How many of them never read.")] = 0,
    place: Annotated[str, typer.Option(help="When the measured one connects: first, middle, last.")] = "first",
    animals: Annotated[int, typer.Option(help="Animals in a message.")] = 1,
    keypoints: Annotated[int, typer.Option(help="Keypoints of an animal.")] = 17,
    reader: Annotated[
        str, typer.Option(help="reader: every message; client: the newest, through its thread.")
    ] = "reader",
    endpoint: Annotated[
        str, typer.Option(help="Where the publishers bind; a port of their own each.")
    ] = "tcp://127.0.0.1:*",
    awake: Annotated[
        bool, typer.Option("--awake", help="Keep the cores from sleeping, as a network at work does.")
    ] = False,
    rounds: Rounds = 15,
    seconds: Seconds = 10.0,
    out: Out = None,
    as_json: Json = False,
) -> int:
    """A published pose -> the hand of another process."""
    with Signals().installed():
        from posewire_bench.outcome import checked_plan
        from posewire_bench.page import checked_out
        from posewire_bench.wire import WireSettings
        from posewire_bench.wire import bench_wire as work

        checked_out(out)
        settings = WireSettings(rate, subscribers, stuck, place, animals, keypoints, reader, awake, endpoint)
        report = work(settings, checked_plan(rounds, seconds), say=_progress)
    return _finish(report, out, as_json)


@bench_app.command("loop")
def bench_loop(
    events: Annotated[int, typer.Option(help="How many events, 10 to 2000.")] = 200,
    output: Annotated[str, typer.Option(help="virtual-led, or serial (a simulated board on a pseudo terminal).")] = (
        "virtual-led"
    ),
    source: Annotated[str, typer.Option(help="What the mark is drawn on.")] = "synthetic:size=256x256,fps=100",
    model: Annotated[str, typer.Option(help="A zoo model's name or an ONNX file.")] = "synthetic-animal",
    provider: Provider = "auto",
    threads: Annotated[int, typer.Option(help="Threads of the network on the CPU; 0: chosen.")] = 0,
    crop: Annotated[str, typer.Option(help="As in `posewire run`.")] = "full",
    seed: Annotated[int, typer.Option(help="Of the times of the events.")] = 0,
    hardware: Annotated[
        str | None,
        typer.Option(help="serial:PORT: a board lights an LED before the camera (--source)."),
    ] = None,
    place: Annotated[str, typer.Option(help="Where the camera sees the LED, X,Y,W,H in px.")] = "0,0,32,32",
    pin: Annotated[int, typer.Option(help="The board's pin of the output.")] = 5,
    led_pin: Annotated[int, typer.Option(help="The board's pin of the LED.")] = 13,
    out: Out = None,
    as_json: Json = False,
) -> int:
    """Event in front of the camera -> output: the whole closed loop, missed and false answers counted."""
    with Signals().installed():
        from posewire_bench.loop import LoopSettings
        from posewire_bench.loop import bench_loop as work
        from posewire_bench.loop_hardware import HardwareSettings, bench_hardware
        from posewire_bench.page import checked_out

        checked_out(out)
        settings = LoopSettings(events, source, model, output, provider, threads, crop, seed)
        if hardware is None:
            report = work(settings, say=_progress)
        else:
            board = HardwareSettings(hardware, place, pin, led_pin)
            report = bench_hardware(settings, board, say=_progress)
    return _finish(report, out, as_json)


@bench_app.command("all")
def bench_all(
    model: Annotated[
        list[str] | None, typer.Option(help="A zoo model's name or an ONNX file; several take turns.")
    ] = None,
    source: Annotated[str, typer.Option("--source", "--video", help="Where the frames come from.")] = "synthetic",
    quick: Annotated[bool, typer.Option("--quick", help="Fewer sizes and rounds: about a minute.")] = False,
    provider: Provider = "auto",
    threads: Annotated[int, typer.Option(help="Threads of the network on the CPU; 0: chosen.")] = 0,
    rounds: Annotated[int | None, typer.Option(help="Rounds of every verb; default: what suits it.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Time for each thing measured; default: likewise.")] = None,
    out: Out = None,
    as_json: Json = False,
) -> int:
    """All of these, one after the other, in one report."""
    with Signals().installed():
        from posewire_bench.everything import bench_all as work
        from posewire_bench.outcome import checked_plan
        from posewire_bench.page import checked_out

        checked_out(out)
        given = rounds is not None or seconds is not None
        report = work(
            model or ["mouse-topview"],
            quick=quick,
            provider=provider,
            threads=threads,
            source=source,
            plan=checked_plan(rounds or 7, seconds or 2.0) if given else None,
            say=_progress,
        )
    return _finish(report, out, as_json)


@bench_app.command("compare")
def bench_compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="FIGURES.json, its folder, or what --json printed.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same of another run.")],
    least: Annotated[float, typer.Option(help="Smaller changes count as none (a share).")] = 0.02,
    as_json: Json = False,
) -> int:
    """Tell change from noise: faster, slower, or no difference shown."""
    from posewire_bench.compare import compare, read_report, readable

    result = compare(read_report(old), read_report(new), least)
    emit(result, readable(result), as_json)
    return 0
