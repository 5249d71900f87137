"""SPECs: what each becomes, and what is said when it becomes nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.frame import Source
from posewire.sources import kinds, open_source, parse_fps, parse_options, parse_size
from posewire.sources.faulty import FaultySource
from posewire.sources.images import ImageFolder
from posewire.sources.opencv import Camera
from posewire.sources.video import VideoFile
from posewire_models.errors import InputError

PLUG_IN = """
class Echo:
    def __init__(self, text):
        self.text = text
    def open(self): ...
    def read(self, into=None): ...
    def close(self): ...
    def remarks(self): return [self.text]
"""


def install(folder: Path, entry_point: str, code: str) -> None:
    """A package as pip would leave it: a module and the record of its entry point."""
    (folder / "posewire_echo.py").write_text(code)
    record = folder / "posewire_echo-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: posewire-echo\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(f"[posewire.sources]\n{entry_point}\n")


def test_a_folder_becomes_an_image_folder(tmp_path: Path) -> None:
    source = open_source(str(tmp_path))
    assert isinstance(source, ImageFolder)
    assert source.path == tmp_path


def test_a_file_becomes_a_video_even_with_a_colon_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "day1.mp4"
    path.touch()
    source = open_source(str(path))
    assert isinstance(source, VideoFile)
    assert source.path == path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no colon in file names")
def test_an_existing_file_may_look_like_an_unknown_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mouse:1.mp4").touch()
    assert isinstance(open_source("mouse:1.mp4"), VideoFile)


def test_a_folder_may_bear_the_name_of_a_kind_that_needs_a_colon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("video").mkdir()
    assert isinstance(open_source("video"), ImageFolder)


@pytest.mark.parametrize(("spec", "device"), [("camera:0", 0), ("camera", 0), ("camera:12,fps=100", 12)])
def test_a_camera_is_named_by_its_index(spec: str, device: int) -> None:
    source = open_source(spec)
    assert isinstance(source, Camera)
    assert source.device == device


@pytest.mark.parametrize("spec", ["/dev/video7", "camera:/dev/video7"])
def test_a_device_path_is_a_camera(spec: str) -> None:
    source = open_source(spec)
    assert isinstance(source, Camera)
    assert source.device == "/dev/video7"


def test_what_follows_the_bar_of_a_fault_is_another_source(tmp_path: Path) -> None:
    source = open_source(f"fault:vanish=5|{tmp_path}")
    assert isinstance(source, FaultySource)
    assert isinstance(source.inner, ImageFolder)


@pytest.mark.parametrize("spec", ["video:{path},fps=60", "video:{path}"])
def test_a_video_can_be_given_another_rate(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "a,fps=b.mp4"
    path.touch()
    source = open_source(spec.format(path=path))
    assert isinstance(source, VideoFile)
    assert source.path == path


def test_sources_keep_the_protocol(tmp_path: Path) -> None:
    for source in (VideoFile(tmp_path), ImageFolder(tmp_path), Camera(0), FaultySource(ImageFolder(tmp_path), [])):
        assert isinstance(source, Source)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", "the source is empty"),
        ("camra:0", "did you mean 'camera'?"),
        ("synthetc", "did you mean 'synthetic'?"),
        ("rtsp://host/stream", "known are camera, fault, images, marked, synthetic, video"),
        (r"C:\nowhere\mouse.mp4", r"no file or folder 'C:\nowhere\mouse.mp4'"),
        ("nowhere/mouse.mp4", "there is no folder 'nowhere'"),
        ("camera:zero", "'zero' is no camera"),
        ("camera:0,siz=640x480", "did you mean 'size'?"),
        ("camera:0,format=H264X", "four letters"),
        ("fault:vanish=5", "needs a source after a bar"),
        ("video:", "needs a path"),
        ("images:somewhere,fps=fast", "no frame rate"),
    ],
)
def test_a_spec_that_means_nothing_is_one_helpful_line(spec: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        open_source(spec)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_misspelt_file_is_told_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "mouse_day1.mp4").touch()
    with pytest.raises(InputError, match=r"did you mean 'mouse_day1\.mp4'\?"):
        open_source(str(tmp_path / "mouse_day_1.mp4"))


def test_plug_ins_bring_kinds_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "echo = posewire_echo:Echo", PLUG_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "echo" in kinds()
    assert open_source("echo:one, two=3").remarks() == ["one, two=3"]
    assert open_source("echo").remarks() == [""]


def test_a_plug_in_that_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "broken = posewire_echo:Absent", PLUG_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="'broken' comes from posewire-echo, which could not be loaded"):
        open_source("broken:1")


def test_a_plug_in_cannot_take_a_built_in_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "camera = posewire_echo:Echo", PLUG_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(open_source("camera:0"), Camera)


def test_the_registry_does_not_load_opencv() -> None:
    code = "import sys, posewire.sources as s; s.kinds(); sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


words = st.text(st.characters(exclude_characters=",=\n", exclude_categories=["Cs"]), min_size=1).map(str.strip)


@given(st.dictionaries(st.sampled_from(["size", "fps", "seed"]), words.filter(bool)))
def test_options_come_back_as_they_were_written(options: dict[str, str]) -> None:
    text = ",".join(f"{key}={value}" for key, value in options.items())
    assert parse_options(text, "x", ["size", "fps", "seed"]) == options


@pytest.mark.parametrize("text", ["size", "size=", "size=1,size=2", "sice=1", "=1"])
def test_options_that_cannot_be_understood_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_options(text, "x", ["size", "fps"])


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_a_size_is_width_by_height(width: int, height: int) -> None:
    assert parse_size(f"{width}x{height}", "x") == (width, height)


@pytest.mark.parametrize("text", ["640", "640x", "0x480", "640x0", "640*480", "-1x5", "1e3x5", ""])
def test_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="640x480"):
        parse_size(text, "x")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast", "", "1e9"])
def test_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="frames per second"):
        parse_fps(text, "x")
