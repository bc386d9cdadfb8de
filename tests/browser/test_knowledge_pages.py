"""The pages of knowledge bases: files into one, what became of them, searching, the receipt."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.person import Person
from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    browser.open("/console/knowledge")
    browser.complaints()
    return browser


def create(page: Browser, name: str) -> Person:
    person = Person(page)
    person.click("New knowledge base")
    person.fill("Name", name)
    person.click("Create")
    page.wait(lambda: page.text("#title") == name)
    return person


def statuses(page: Browser) -> dict[str | None, str | None]:
    rows = page.all("tr[data-name]")
    return {row.get_attribute("data-name"): row.get_attribute("data-status") for row in rows}


def test_files_go_in_are_listed_found_and_deleted(page: Browser, tmp_path: Path):
    person = create(page, "Lighthouses")
    (tmp_path / "good.md").write_text("# Lamps\n\nThe Kestrel lighthouse burns whale oil.\n")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\nthis is no PDF")

    person.give("Choose files", tmp_path / "good.md", tmp_path / "bad.pdf")

    page.wait(lambda: page.all(".batch[data-done]"))
    assert page.text(".batch [role=status]") == "1 of 2 ready, 1 failed"
    page.wait(lambda: "bad.pdf" in page.text(".batch.bad .problems"))
    page.wait(lambda: statuses(page) == {"good.md": "ready", "bad.pdf": "failed"})
    assert page.text("tr[data-name='bad.pdf'] .reason-line")

    person.click("Choose good.md")
    person.click("Switch off")
    assert person.sees("switched off")
    person.click("Choose good.md")
    person.click("Switch on")
    page.wait(lambda: "switched off" not in page.text("#page"))

    person.click("Choose bad.pdf")
    person.click("Delete")
    page.one("dialog .danger").click()
    page.wait(lambda: statuses(page) == {"good.md": "ready"})

    person.click("Try a search")
    person.fill("Words or a question", "kestrel whale oil")
    person.click("Search")
    page.wait(lambda: page.all(".hit"))
    assert "whale oil" in page.text(".hit")
    assert "by meaning: place 1" in page.text(".hit")
    assert page.complaints() == []


def test_a_document_shows_its_passages_and_a_receipt_that_balances(page: Browser):
    page.open(f"/console/knowledge/{page.site.dataset_id}")
    person = Person(page)
    person.click("almanac/moon.md")
    page.wait(lambda: page.all(".piece"))
    pieces = [piece.text for piece in page.all(".piece")]
    assert any("月亮每晚九点升起。" in piece for piece in pieces)
    assert "🌙" in page.text(".paper")

    person.click("Receipt")
    assert person.sees("Every character is accounted for.")


def test_a_chosen_folder_keeps_its_paths(page: Browser, tmp_path: Path):
    create(page, "Harbours")
    folder = tmp_path / "north"
    (folder / "quays").mkdir(parents=True)
    (folder / "quays" / "seven.txt").write_text("Quay seven floods in autumn.")

    page.one("input[webkitdirectory]").send_keys(str(folder))

    page.wait(lambda: statuses(page) == {"north/quays/seven.txt": "ready"})


def test_files_can_be_dropped_and_a_text_pasted(page: Browser):
    person = create(page, "Wharves")
    drop = """
    const transfer = new DataTransfer();
    transfer.items.add(new File(["Wharf nine is dry."], "nine.txt", { type: "text/plain" }));
    const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
    const event = new DragEvent("drop", how);
    document.querySelector(".drop").dispatchEvent(event);
    return event.defaultPrevented;
    """
    assert page.script(drop) is True
    page.wait(lambda: statuses(page) == {"nine.txt": "ready"})

    person.click("Paste a text")
    person.fill("Name", "ten.md")
    person.fill("Text", "Wharf ten is wet.")
    person.click("Add")
    page.wait(lambda: statuses(page) == {"nine.txt": "ready", "ten.md": "ready"})


WATCH = """
window.seen = [];
const look = () => {
  const bar = document.querySelector(".batch progress");
  const said = document.querySelector(".batch [role=status]")?.textContent;
  if (bar && window.seen.at(-1)?.[0] !== said) window.seen.push([said, bar.value]);
};
const all = { childList: true, subtree: true, characterData: true };
new MutationObserver(look).observe(document.body, all);
"""


def drop(page: Browser, path: Path) -> None:
    """Drop a file or folder as somebody does with the mouse."""
    box = page.one(".drop").rect
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 20}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, **where, "data": data}
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", event)


def test_a_dropped_folder_of_two_hundred_files_goes_in_with_progress(page: Browser, tmp_path: Path):
    create(page, "Islands")
    folder = tmp_path / "islands"
    folder.mkdir()
    for n in range(200):
        (folder / f"{n:03}.md").write_text(f"Island number {n} has a lamp.")
    page.driver.execute_script(WATCH)

    drop(page, folder)

    page.wait(lambda: page.all(".batch[data-done]"))
    assert page.text(".batch [role=status]") == "200 of 200 ready"
    assert page.all(".batch.bad") == []
    on_the_way = [value for said, value in page.driver.execute_script("return seen") if said]
    assert any(0 < value < 1 for value in on_the_way)
    listed = page.site.server.http.get("/v1/datasets", params={"limit": 100}).json()["data"]
    islands = next(one for one in listed if one["name"] == "Islands")
    documents = f"/v1/datasets/{islands['id']}/documents"
    names = page.site.server.http.get(documents, params={"q": "islands/199.md"}).json()["data"]
    assert [one["status"] for one in names] == ["ready"]
    assert page.complaints() == []


@pytest.mark.parametrize(("name", "content"), [("a.pdf", b"%PDF-1.7\nnone"), ("a.exe", b"MZ\0\1")])
def test_six_files_of_which_six_fail_are_no_success(
    page: Browser, tmp_path: Path, name: str, content: bytes
):
    person = create(page, f"Wrecks of {name}")
    files = [tmp_path / f"{n}-{name}" for n in range(6)]
    for file in files:
        file.write_bytes(content)

    person.give("Choose files", *files)

    page.wait(lambda: page.all(".batch.bad[data-done]"))
    page.wait(lambda: all(file.name in page.text(".batch.bad .problems") for file in files))
    shown = [bar.value_of_css_property("accent-color") for bar in page.all(".batch progress")]
    assert page.one(".drop .primary").value_of_css_property("background-color") not in shown
    assert page.text(".batch [role=status]") in (
        "0 of 6 ready, 6 failed",
        "6 files could not be uploaded",
    )


def test_rules_are_tried_on_a_file_before_they_apply(page: Browser, tmp_path: Path):
    person = create(page, "Mails")
    (tmp_path / "mail.txt").write_text("Write to desk@example.com about the ferry.\n")
    person.click("Preparation")
    person.click("E-mail addresses")

    page.one("input[aria-label='File for the preview']").send_keys(str(tmp_path / "mail.txt"))

    page.wait(lambda: len(page.all(".columns [aria-label]  .hit")) == 2)
    now, then = (hit.text for hit in page.all(".columns .hit p"))
    assert "desk@example.com" in now
    assert "desk@example.com" not in then

    person.click("Save")
    assert person.sees("Saved")
