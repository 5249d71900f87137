"""What all videos of a call share: the model, how the machine is used, and the networks that are kept ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from posewire import __version__
from posewire.analyze.batches import BatchLook
from posewire.analyze.options import AnalyzeSettings, Layout, layout
from posewire.config import CROP_WORDS, RunSettings, decoding_rules
from posewire.looks import Settings
from posewire.preprocess import parse_crop
from posewire.providers import missing_driver
from posewire.session import load_model, open_network
from posewire.track import CHANNELS, Tracker
from posewire_models.errors import InputError


class Engine:
    """Made once a call. ``say`` receives why a provider is not used. Raises PosewireError.

    `fit` must come first: it finds the provider, and with it the `layout`.
    """

    def __init__(self, settings: AnalyzeSettings, say: Callable[[str], None]) -> None:
        self.model = load_model(settings.model)
        contract = self.model.contract
        self.several = contract.animals == "many"
        self.animals = settings.animals
        self.refine = settings.refine and self.several
        self.min_score = contract.min_score if settings.min_score is None else settings.min_score
        self.rules = decoding_rules(RunSettings(animals=settings.animals), contract)
        if settings.crop in CROP_WORDS and settings.crop != "full":
            raise InputError(f"--crop {settings.crop}: is for live streams; a recording takes full or X,Y,W,H")
        self.crop = parse_crop(settings.crop)
        self._settings = settings
        self.provider = self._find_provider(say)
        self.layout: Layout = layout(settings, self.provider)
        self._looks: list[BatchLook | None] = []
        self._size = (0, 0)

    def _find_provider(self, say: Callable[[str], None]) -> str:
        wanted = self._settings.provider
        if wanted == "auto" and missing_driver() is not None:
            return "cpu"
        if wanted != "cpu":
            # A small input will do: what is asked is whether the provider runs this network at all.
            side = self.model.contract.pad_multiple * 4
            network = open_network(self.model, side, side, wanted, 1)
            for reason in network.refused:
                say(f"not used: {reason}")
            return network.provider
        return wanted

    def fit(self, width: int, height: int) -> None:
        """Be ready for frames of this size."""
        # On a GPU a network belongs to the thread that made it, and threads end with their video.
        if (width, height) != self._size or self.provider != "cpu":
            self._size = width, height
            self._looks = [None] * self.layout.workers
        if self.provider == "cpu":
            self.look(0)

    def look(self, number: int) -> BatchLook:
        """The look of a worker; made in the thread of whoever asks first, and kept for the next video."""
        look = self._looks[number]
        if look is None:
            shared = Settings(self.model, self.provider, self.layout.threads, self.min_score, self.rules)
            look = self._looks[number] = BatchLook(shared, *self._size, self.crop, self.layout.batch)
        return look

    def make_tracker(self) -> Tracker | None:
        """A tracker that knows nobody yet; None for a model of one animal."""
        if not self.several:
            return None
        skeleton = self.model.contract.skeleton
        features = CHANNELS if skeleton else 0
        return Tracker(len(self.model.contract.keypoints), skeleton, animals=self.animals, features=features)

    def options(self) -> dict[str, Any]:
        """What decides about the poses, beside model and video."""
        return {
            "crop": self._settings.crop,
            "animals": self.animals,
            "min_score": self.min_score,
            "provider": self.provider,
            "threads": self.layout.threads,
            "batch": self.layout.batch,
        }

    def key(self) -> dict[str, Any]:
        """The same with the model: two analyses of one key find the same poses."""
        rules = {name: value for name, value in asdict(self.rules).items() if name != "max_animals"}
        return {"posewire": __version__, "model": self.model.sha256, **self.options(), "rules": _plain(rules)}


def _plain(rules: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in rules.items()}
