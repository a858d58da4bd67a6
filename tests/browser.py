"""Chromium without a window, driven through a pipe by its DevTools protocol: a page opened, looked at, and what went wrong in it."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"]
OURS = ("file:", "data:", "blob:", "about:")  # addresses that no network is needed for
WIDTHS = (1200, 768, 390)
READY = "document.documentElement?.dataset.ready === 'yes'"  # of a report


class Browser:
    """One tab. `call` is a method of the protocol, `js` an expression in the page."""

    def __init__(self, read: int, write: int):
        self._read, self._write, self._numbers, self._waiting = read, write, itertools.count(1), b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params} | ({"sessionId": self._session} if self._session else {})
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events += [answer] if "method" in answer else []

    def js(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, (expression, answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not self.js(f"Boolean({condition})"):
            assert time.monotonic() < end, f"waited in vain for {condition}"
            time.sleep(0.02)

    def open(self, page: Path, width: int = 1200, dark: bool = False, ready: str = READY) -> None:
        """Opens a page, and waits until it is ready; a report says so itself when its script has run."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.wait(ready)

    def scroll_through(self) -> None:
        """Brings each chart that is not folded away to the screen, and waits until it is drawn."""
        for number in range(self.js("document.querySelectorAll('.canvas').length")):
            chart = f"document.querySelectorAll('.canvas')[{number}]"
            if self.js(f"{chart}.checkVisibility()"):
                self.js(f"{chart}.scrollIntoView()")
                self.wait(f"{chart}.dataset.drawn")
        self.js("scrollTo(0, 0)")

    def press(self, key: str) -> None:
        """A key, to what has the focus."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, **(text if kind == "keyDown" else {}))

    def screenshot(self) -> bytes:
        """The whole page as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"])

    def problems(self) -> list[str]:
        """Errors and warnings since the page was opened, and what it asked the network for."""
        found = []
        for event in self.events:
            said = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(said["exceptionDetails"].get("exception", said)))
            elif event["method"] == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
                found.append(said["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
                found.append(str([one.get("value", one.get("description")) for one in said["args"]]))
            elif event["method"] == "Network.requestWillBeSent" and not said["request"]["url"].startswith(OURS):
                found.append(f"asked for {said['request']['url']}")
        return found

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            more = os.read(self._read, 1 << 20)
            assert more, "Chromium has ended"
            self._waiting += more
        first, _, self._waiting = self._waiting.partition(b"\0")
        return json.loads(first)


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile. Skips the test where there is no Chromium."""
    command = shutil.which("chromium") or shutil.which("chromium-browser")
    if command is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    (its_read, write), (read, its_write) = os.pipe(), os.pipe()
    words = ["bash", "-c", f'exec "$@" 3<&{its_read} 4>&{its_write}', "bash", command, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    started = subprocess.Popen(words, pass_fds=(its_read, its_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(its_read)
    os.close(its_write)
    try:
        yield Browser(read, write)
    finally:
        started.terminate()
        started.wait()
        os.close(read)
        os.close(write)
