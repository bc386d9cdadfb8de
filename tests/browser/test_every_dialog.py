"""Every window over a page, in English on light and in Chinese on dark: nothing untranslated, and
nothing that a reader of the screen misses."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.person import CLICKED, NAMES
from tests.browser.reading import barriers, english, reads_chinese, shown, wear
from tests.browser.site import Browser

pytestmark = pytest.mark.needs("chromium", "chromedriver")

QUESTION = "When does the moon rise over Ostrava?"
OPENED = "dialog[open]"
IN_WORDS = "return (await import('/static/shared/words.js')).t(args[0])"

Ways = list[tuple[str, tuple[str, ...]]]
"""Pages, each with what is clicked there in turn: words of the page, or a selector."""


def ways(browser: Browser) -> Ways:
    http = browser.site.server.http
    asked = http.post("/v1/apps/almanac/chat", json={"query": QUESTION, "stream": False}).json()
    chat = f"/?app=almanac&c={asked['conversation_id']}"
    base = f"/console/knowledge/{browser.site.dataset_id}"
    document = asked["citations"][0]["document_id"]
    return [
        ("/console", ("New knowledge base",)),
        (base, ("Paste a text",)),
        (base, ("tbody input", "Delete")),
        (f"{base}/documents/{document}", (".piece",)),
        ("/console/apps", ("New app",)),
        ("/console/apps/almanac?tab=share", ("Create a share link", ".version .button")),
        ("/console/models", ("Connect a language model",)),
        ("/console/models", ("Look on this machine",)),
        ("/console/models", ("tr[data-name=echo] .button:nth-of-type(2)",)),
        ("/console/usage", ("Set a budget",)),
        ("/console/conversations", ("Export",)),
        ("/console/tuning", ("New training set",)),
        ("/console/tuning", ("Train a model",)),
        ("/console/tuning/sets/windows", ("From the answers of an app",)),
        ("/console/evaluation", ("New question set",)),
        ("/console/evaluation", ("Ask a set",)),
        ("/console/evaluation/sets/windows", ("Write one",)),
        ("/console/evaluation/sets/windows", ("From the documents",)),
        (chat, ("[data-rating=dislike]",)),
        (chat, (".source",)),
        (chat, (".conversation + .icon-button",)),
    ]


def click(browser: Browser, what: str) -> None:
    """What is called so on the page, or the first that a selector finds, wherever it stands."""
    script = browser.driver.execute_script

    def found() -> list[WebElement]:
        is_name = what[0].isupper()
        words = browser.script(IN_WORDS, what) if is_name else what
        nodes = script(NAMES, words, CLICKED) if is_name else browser.all(what)
        return [node for node in nodes if node.is_enabled()]

    script("arguments[0].click()", browser.wait(found)[0])


def look(browser: Browser, within: str) -> list[str]:
    """What is wrong with a part of a page, once it has come to rest."""
    part = browser.wait(lambda: browser.all(within))[0]
    browser.wait(lambda: not part.find_elements("css selector", ".progress"))
    texts = shown(browser, within)
    other = texts & english() if reads_chinese(browser) else {t for t in texts if "知识" in t}
    return [*barriers(browser, within), *other]


def test_no_window_has_a_serious_barrier(reader: Browser):
    http = reader.site.server.http
    wear(reader, "dark" if reads_chinese(reader) else "light")
    for kind in ("tuning", "evaluation"):
        http.post(f"/v1/{kind}/sets", json={"name": "windows"})
    found = {}
    for path, steps in ways(reader):
        reader.open(path)
        for step in steps:
            click(reader, step)
        if wrong := look(reader, OPENED):
            found[path, steps] = wrong
    assert found == {}
    for key in http.get("/v1/apps/almanac/keys").json()["data"]:
        http.delete(f"/v1/keys/{key['id']}")
    for kind in ("tuning", "evaluation"):
        http.delete(f"/v1/{kind}/sets/windows").raise_for_status()


def test_neither_has_the_window_of_a_lost_session_nor_the_preview(reader: Browser, tmp_path: Path):
    wear(reader, "dark" if reads_chinese(reader) else "light")
    (tmp_path / "moon.md").write_text("# Moon\n\nIt rises at nine.\n\nhttp://moon.example\n")
    reader.open(f"/console/knowledge/{reader.site.dataset_id}?tab=settings")
    reader.wait(lambda: reader.all("#page input[type=file]"))[0].send_keys(
        str(tmp_path / "moon.md")
    )
    assert look(reader, ".columns") == []

    reader.chat("almanac")
    reader.driver.delete_all_cookies()
    reader.ask(QUESTION)
    assert look(reader, OPENED) == []
