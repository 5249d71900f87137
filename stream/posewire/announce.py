"""What a session says of itself beside its poses: the meta message, and how it is, once a second."""

from __future__ import annotations

import hashlib
from typing import Any

from posewire import __version__
from posewire.clock import ClockInfo
from posewire.config import RunSettings
from posewire.eventmessage import Health
from posewire.message import MetaContent, ModelMeta
from posewire.pipeline import Pipeline
from posewire.publish import META_PERIOD_NS, Publisher


class Announcer:
    """Makes meta and health messages of a session; called by the publisher's thread."""

    def __init__(self, publisher: Publisher, settings: RunSettings, session: bytes) -> None:
        self.health_due_ns = 0
        self._publisher, self._settings, self._session = publisher, settings, session

    def tell_meta(
        self, pipeline: Pipeline, provider: str, clock: ClockInfo, size: tuple[int, int], source: str
    ) -> None:
        """What the meta messages say from now on; ``size``: width and height of the frames in px."""
        contract = pipeline.model_now.contract
        self._publisher.set_meta(
            MetaContent(
                session=self._session,
                stream=self._settings.stream,
                keypoints=contract.keypoints,
                skeleton=contract.skeleton,
                size=size,
                model=ModelMeta(contract.name, pipeline.model_now.sha256, provider, pipeline.min_score),
                clock=clock,
                source=source,
                config_sha256=hashlib.sha256(self._settings.model_dump_json().encode()).hexdigest(),
                posewire=__version__,
            )
        )

    def tell_health(
        self,
        now_ns: int,
        processed: int,
        skipped: int,
        rules: dict[str, Any] | None,
        prediction: dict[str, Any] | None,
    ) -> None:
        """One health message; the next one is due a second later."""
        self.health_due_ns = now_ns + META_PERIOD_NS
        frames = {"offered": processed + skipped, "processed": processed, "skipped": skipped}
        self._publisher.send_health(Health(self._session, self._settings.stream, now_ns, frames, rules, prediction))
