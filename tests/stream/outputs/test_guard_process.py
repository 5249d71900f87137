"""The connection by loopback TCP, as on Windows: only who knows the token is let in."""

from __future__ import annotations

import select
import socket
import threading
from dataclasses import replace

import pytest

from posewire.outputs import guard_process
from posewire.outputs.channel import Channel
from posewire.outputs.guard_process import connect, meet
from posewire.outputs.guard_settings import Settings
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import WorkError

SETTINGS = Settings(
    (OutputSpec("light", "virtual-led", options={"file": "led"}),), (100,), "log", {"a": 1}, "main", True
)


def test_settings_come_as_they_were_given() -> None:
    assert Settings.from_json(SETTINGS.to_json()) == SETTINGS


def test_a_stranger_is_sent_away_and_the_guard_let_in() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        guard: list[Channel] = []

        def knock() -> None:
            for words in (b"GET / HTTP/1.1\r\n\r\n", b""):
                stranger = socket.create_connection(("127.0.0.1", port))
                stranger.sendall(words)
                if not words:
                    stranger.close()
            wrong = connect(replace(SETTINGS, port=port, token="guessed"))
            right = connect(replace(SETTINGS, port=port, token="secret"))
            guard.extend([wrong, right])

        thread = threading.Thread(target=knock)
        thread.start()
        channel = meet(server, "secret", lambda: None)
        thread.join()
        channel.send([1, "let in"])
        select.select([guard[1].connection], [], [], 20)
        assert guard[1].receive() == [[1, "let in"]]
        channel.close()


def test_a_guard_that_does_not_come_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_process, "CONNECT_S", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(WorkError, match="did not connect"),
    ):
        meet(server, "secret", lambda: None)
