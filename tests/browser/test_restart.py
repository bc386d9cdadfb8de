"""The chat goes on over a reload and a restart of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.relay import Relay, relay_to
from tests.browser.site import Browser, Site, fill
from tests.fake_models import running_fake_server
from tests.server import ServerProcess, start_server

pytestmark = pytest.mark.needs("chromium", "chromedriver")

COUNTED = [str(n) for n in range(1, 41)]


class Restarted:
    """A server behind an address that stays, whatever becomes of the server."""

    def __init__(self, server: ServerProcess, wire: Relay) -> None:
        self.server = server
        self.wire = wire

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server = start_server(self.server.data_dir)
        self.wire.lead_to(self.server.url)


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Restarted]:
    with running_fake_server() as model:
        server = start_server(tmp_path / "data")
        fill(server, model.base_url)
        with relay_to(server.url) as wire:
            restarted = Restarted(server, wire)
            yield restarted
            restarted.server.kill()


def test_a_chat_is_taken_up_again_after_a_reload_and_a_restart(
    driver: WebDriver, behind: Restarted
):
    page = Browser(driver, Site(behind.server, ""))
    page.sign_in()
    page.open_at(f"{behind.wire.url}/?app=counting")
    page.answer("Count, please.")
    page.ask("And again.")
    page.wait(lambda: len(page.all(".turn")) == 2 and "3" in page.all(".answer-text")[1].text)

    driver.refresh()
    page.wait(lambda: len(page.all(".turn")) == 2 and "5" in page.all(".answer-text")[1].text)
    behind.stop()
    page.wait(lambda: page.all(".is-cut, .turn[data-status=cancelled], .turn[data-status=failed]"))
    page.one("#question").send_keys("What comes next?")
    behind.start()

    page.finished()
    first, second = (part.text.split() for part in page.all(".answer-text"))
    assert first == COUNTED
    assert second == COUNTED[: len(second)]
    assert page.all(".notes")[1].text  # says that it ended early
    assert page.one("#question").get_property("value") == "What comes next?"

    driver.refresh()
    page.wait(lambda: len(page.all(".turn")) == 2)
    kept = [part.text.split() for part in page.all(".answer-text")]
    assert kept[0] == COUNTED
    page.answer("Go on.")
    assert page.all(".answer-text")[2].text.split() == COUNTED
