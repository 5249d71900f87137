"""The command `posewire`: one function a verb. Training and bench are imported inside the verbs that need them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from posewire.cli_analyze import analyze
from posewire.cli_bench import bench_app
from posewire.cli_labels import labels_app
from posewire.cli_models import models_app
from posewire.cli_project import add_project_verbs
from posewire.cli_refine import refine
from posewire.cli_rules import rules_app
from posewire.cli_tracks import tracks_app
from posewire.cli_training import add_training_verbs
from posewire.console import Json, Signals, StatusLine, Stopped, emit, fail, keep_stdout_clean, say
from posewire.endpoint import DEFAULT_ENDPOINT
from posewire_models.errors import PosewireError

app = typer.Typer(
    help="Live animal pose: camera frame to keypoints on ZeroMQ, with the true latency of every pose.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(models_app, name="models")
app.command("refine")(refine)
app.command("analyze")(analyze)
app.add_typer(labels_app, name="labels")
app.add_typer(tracks_app, name="tracks")
app.add_typer(rules_app, name="rules")
app.add_typer(bench_app, name="bench")


def main() -> None:
    """Entry point: runs the verb; errors become one line and an exit status."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    keep_stdout_clean()
    try:
        status = typer.main.get_command(app).main(
            [argument for argument in arguments if argument != "--debug"], prog_name="posewire", standalone_mode=False
        )
    except PosewireError as error:
        if debug:
            raise
        fail(str(error), error.exit_status)
    except (Stopped, KeyboardInterrupt):
        say("posewire: stopped")
        status = 0
    except BrokenPipeError:
        status = 0
    except Exception as error:
        if debug:
            raise
        if Stopped.raised:
            say("posewire: stopped")
            raise SystemExit(0) from None
        # The argument parser's own errors carry a sentence and a status.
        sentence = getattr(error, "format_message", None)
        if type(error).__name__ == "NoArgsIsHelpError" and sentence is not None:
            sys.stdout.write(sentence() + "\n")
            _flush()
            raise SystemExit(0) from None
        if sentence is not None:
            fail(sentence() or "no verb given; `posewire --help` lists them", getattr(error, "exit_code", 2))
        fail(f"{type(error).__name__}: {error} (a defect of Posewire; --debug shows where)", 1)
    _flush()
    raise SystemExit(status if isinstance(status, int) else 0)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        pass


def _version(wanted: bool) -> None:
    if wanted:
        from posewire import __version__

        sys.stdout.write(f"posewire {__version__}\n")
        raise typer.Exit(0)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error comes from (anywhere on the line).")
    ] = False,
) -> None:
    # Both are dealt with already: by the callback, and by `main`. A docstring would replace the program's help.
    del version, debug


@app.command()
def run(
    rig: Annotated[Path | None, typer.Argument(metavar="RIG.toml", help="Settings; options win over it.")] = None,
    source: Annotated[str | None, typer.Option(help="synthetic, a video, a folder of images, camera:N.")] = None,
    model: Annotated[str | None, typer.Option(help="A zoo model's name or an ONNX file.")] = None,
    publish: Annotated[str | None, typer.Option(help="ZeroMQ endpoint to bind.")] = None,
    stream: Annotated[str | None, typer.Option(help="Name of the stream in the topics.")] = None,
    frames: Annotated[int | None, typer.Option(help="Stop after N offered frames.")] = None,
    duration: Annotated[float | None, typer.Option(help="Stop after S seconds of streaming.")] = None,
    pace: Annotated[str | None, typer.Option(help="real: the source's own rate; max: every frame.")] = None,
    wait_subscribers: Annotated[int | None, typer.Option(help="Start only when N subscribe to the poses.")] = None,
    crop: Annotated[str | None, typer.Option(help="full, follow, auto, or X,Y,W,H in pixels of the frame.")] = None,
    budget_ms: Annotated[float | None, typer.Option(help="For --crop auto: ms that a frame may take (5).")] = None,
    animals: Annotated[int | None, typer.Option(help="How many animals there are, if it is known.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Keypoints below it are published as NaN.")] = None,
    lead_ms: Annotated[
        float | None, typer.Option(help="Also predict where keypoints will be, so many ms after they are known.")
    ] = None,
    provider: Annotated[str | None, typer.Option(help="auto, tensorrt, cuda, cpu.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the network on the CPU; 0: chosen.")] = None,
    show: Annotated[Path | None, typer.Option(help="Write annotated frames to a .png, .jpg or .mp4.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Rules file: fire its outputs; see docs/rules.md.")] = None,
    log: Annotated[Path | None, typer.Option(help="Where the log of decisions goes (a name of its own).")] = None,
    unsafe: Annotated[
        bool | None,
        typer.Option("--unsafe", help="Allow modes while and toggle of outputs without a watchdog."),
    ] = None,
    insecure: Annotated[bool | None, typer.Option("--insecure", help="Allow an endpoint beyond loopback.")] = None,
    realtime: Annotated[
        bool | None, typer.Option("--realtime", help="Ask the system for priority, locked memory and a core.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Stream live keypoints: source -> network -> ZeroMQ."""
    options = {name: value for name, value in locals().items() if name not in ("rig", "as_json")}
    signals = Signals()
    with signals.installed():
        from posewire.config import run_settings
        from posewire.report import report_text
        from posewire.service import Service

        service = Service(run_settings(rig, options), say, signals.stop)
        status = 0
        try:
            with StatusLine(service.status):
                service.run(signals.running)
        except Stopped:
            pass
        except PosewireError as error:
            if not service.started:
                raise
            # The work was under way: the report is kept.
            say(f"posewire: {error}")
            status = error.exit_status if error.exit_status != 2 else 1
        report = service.report()
        if report.get("rules", {}).get("trouble"):
            status = 1  # it was said when it happened
        emit(report, report_text(report), as_json)
    return status


@app.command()
def listen(
    endpoint: Annotated[str, typer.Argument(help="Where a stream is published.")] = DEFAULT_ENDPOINT,
    stream: Annotated[str, typer.Option(help="Name of the stream.")] = "main",
    duration: Annotated[float | None, typer.Option(help="Stop after S seconds.")] = None,
    count: Annotated[int | None, typer.Option(help="Stop after N poses.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every pose, not 20 a second (--json always does).")
    ] = False,
    as_json: Json = False,
) -> int:
    """Print poses as they come; tell gaps and age."""
    signals = Signals()
    with signals.installed():
        from posewire.listen import listen as work

        signals.running()
        work(
            endpoint,
            stream=stream,
            duration=duration,
            count=count,
            everything=everything,
            as_json=as_json,
            stop=signals.stop,
        )
    return 0


@app.command()
def doctor(as_json: Json = False) -> int:
    """Tell what this machine can do, each provider proven by running it."""
    from posewire.doctor import examine, readable

    result = examine()
    emit(result, readable(result), as_json)
    return 0


add_project_verbs(app)
add_training_verbs(app)
