"""Engines on the disk: one folder for each set of facts, whole or not there. Plain programs stand in for TensorRT."""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest

import peaked_model
from posewire.compute import Compute
from posewire.gpu import build
from posewire.gpu.engines import EngineError, EngineFacts, engine_folder, engine_root, user_cache_folder
from posewire.providers import missing_driver

FACTS = EngineFacts(
    model="mouse topview",
    model_sha256="ab" * 32,
    shape=(1, 384, 480, 3),
    outputs=("heatmaps", "offsets"),
    precision="fp16",
    gpu="NVIDIA RTX A2000",
    compute_capability="8.6",
    driver="CUDA 12.8, 570.1",
    tensorrt="10.9",
    onnxruntime="1.31.1",
)
WRITES = "import pathlib, sys; pathlib.Path(sys.argv[1], 'net.engine').write_text('engine')"


def python(code):
    return lambda part: [sys.executable, "-c", code, str(part)]


def nobody(part):
    raise AssertionError("an engine was made again")


def test_a_folder_tells_what_it_is_for_and_any_other_fact_gives_another():
    assert FACTS.folder_name.startswith("mouse-topview-480x384x1-fp16-")
    others = {FACTS.folder_name}
    for field in fields(FACTS):
        value = getattr(FACTS, field.name)
        changed = (*value, 9) if isinstance(value, tuple) else f"{value}x"
        if field.name == "shape":
            changed = (2, *value[1:])
        others.add(replace(FACTS, **{field.name: changed}).folder_name)
    assert len(others) == 1 + len(fields(FACTS))


def test_an_engine_is_made_once_and_said(tmp_path):
    said = []
    folder = engine_folder(tmp_path / "engines", FACTS, python(WRITES), said.append)
    assert (folder / "net.engine").read_text() == "engine"
    assert (folder / "engine.json").read_text() == FACTS.to_json()
    assert [path.name for path in folder.parent.iterdir()] == [FACTS.folder_name]
    assert "takes minutes" in said[0]
    assert str(folder) in said[1]
    assert engine_folder(tmp_path / "engines", FACTS, nobody, said.append) == folder
    assert len(said) == 2


def test_a_failure_leaves_nothing_and_gives_its_reason(tmp_path):
    code = WRITES + "; sys.stderr.write('first\\nno more memory\\n'); sys.exit(3)"
    with pytest.raises(EngineError, match="could not be made: no more memory"):
        engine_folder(tmp_path, FACTS, python(code), lambda line: None)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_ends_the_program_and_leaves_nothing(tmp_path):
    """As a signal does, in the main thread, while TensorRT is at work."""
    told = tmp_path / "at work"
    code = f"{WRITES}; import os, time; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(60)"

    def interrupt():
        while not (told.exists() and told.read_text()):
            time.sleep(0.01)
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        engine_folder(tmp_path / "engines", FACTS, python(code), lambda line: None)
    assert list((tmp_path / "engines").iterdir()) == []
    if sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(int(told.read_text()), 0)


def test_another_program_may_be_faster(tmp_path):
    place = tmp_path / FACTS.folder_name

    def overtaken(part):
        place.mkdir()
        (place / "engine.json").write_text("theirs")
        (place / "net.engine").write_text("theirs")
        return python(WRITES)(part)

    assert engine_folder(tmp_path, FACTS, overtaken, lambda line: None) == place
    assert (place / "net.engine").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_a_folder_that_is_not_whole_is_no_engine(tmp_path):
    """A name alone proves nothing: the facts are written last."""
    (tmp_path / FACTS.folder_name).mkdir()
    (tmp_path / FACTS.folder_name / "half.engine").touch()
    with pytest.raises(EngineError, match="could not be given its name"):
        engine_folder(tmp_path, FACTS, python(WRITES), lambda line: None)


def test_what_killed_programs_left_goes_after_a_day_and_not_before(tmp_path):
    old, new = tmp_path / ".part-old", tmp_path / ".part-new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    engine_folder(tmp_path, FACTS, python(WRITES), lambda line: None)
    assert not old.exists()
    assert new.exists()


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"engine cache .*file.* cannot be written"):
        engine_folder(tmp_path / "file", FACTS, nobody, lambda line: None)


def test_the_cache_is_the_users_own():
    assert user_cache_folder({"XDG_CACHE_HOME": "/somewhere"}, "linux") == Path("/somewhere/posewire")
    assert user_cache_folder({}, "linux") == Path.home() / ".cache" / "posewire"
    assert user_cache_folder({"LOCALAPPDATA": "local"}, "win32") == Path("local") / "posewire"
    assert user_cache_folder({}, "darwin") == Path.home() / "Library" / "Caches" / "posewire"
    assert engine_root("off") is None
    assert engine_root("rig/engines") == Path("rig/engines")
    assert engine_root("auto") == user_cache_folder() / "engines"


def test_the_real_program_says_in_one_line_why_it_cannot(tmp_path):
    """Without TensorRT it ends with a reason and no traceback, on any machine that lacks it."""
    if missing_driver() is None:
        pytest.skip("this machine has a GPU")
    model = peaked_model.write(tmp_path / "dots.onnx")

    def command(part):
        task = tmp_path / "order.json"
        task.write_text(json.dumps(build.order(model, (1, 64, 64, 3), Compute("tensorrt"), part)))
        return build.command(task)

    with pytest.raises(EngineError, match=r"could not start TensorRT|no session"):
        engine_folder(tmp_path / "engines", FACTS, command, lambda line: None)
    assert list((tmp_path / "engines").iterdir()) == []
