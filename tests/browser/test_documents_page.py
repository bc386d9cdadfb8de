"""The documents page: a dataset, files into it, what became of them, and searching them."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.site import Browser, Site

pytestmark = pytest.mark.needs("chromium", "chromedriver")


@pytest.fixture
def page(driver: WebDriver, site: Site) -> Browser:
    driver.set_window_size(1280, 900)
    browser = Browser(driver, site)
    browser.sign_in()
    browser.open("/static/documents.html")
    browser.complaints()
    return browser


def create(page: Browser, name: str) -> None:
    page.one("#dataset-name").send_keys(name)
    page.one("#create button").click()
    page.wait(lambda: page.one("#dataset option:checked").text == name)


def statuses(page: Browser) -> dict[str | None, str | None]:
    rows = page.all("#rows tr")
    return {row.get_attribute("data-name"): row.get_attribute("data-status") for row in rows}


def test_files_go_in_are_listed_found_and_deleted(page: Browser, tmp_path: Path):
    create(page, "Lighthouses")
    (tmp_path / "good.md").write_text("# Lamps\n\nThe Kestrel lighthouse burns whale oil.\n")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\nthis is no PDF")

    page.one("#files").send_keys(f"{tmp_path / 'good.md'}\n{tmp_path / 'bad.pdf'}")

    page.wait(lambda: page.all(".batch[data-done]"))
    assert page.text(".batch [role=status]") == "1 of 2 ready, 1 failed"
    page.wait(lambda: statuses(page) == {"good.md": "ready", "bad.pdf": "failed"})
    assert page.text("tr[data-name='bad.pdf'] .reason-line")

    page.one("#query").send_keys("kestrel whale oil")
    page.one("#search button").click()
    page.wait(lambda: page.all(".hit"))
    assert "whale oil" in page.text(".hit")
    assert float(page.text(".hit .score")) > 0

    page.driver.execute_script("window.confirm = () => true")
    page.one("tr[data-name='bad.pdf'] [aria-label^=Delete]").click()
    page.wait(lambda: statuses(page) == {"good.md": "ready"})


def test_a_chosen_folder_keeps_its_paths(page: Browser, tmp_path: Path):
    create(page, "Harbours")
    folder = tmp_path / "north"
    (folder / "quays").mkdir(parents=True)
    (folder / "quays" / "seven.txt").write_text("Quay seven floods in autumn.")

    page.one("#folder").send_keys(str(folder))

    page.wait(lambda: statuses(page) == {"north/quays/seven.txt": "ready"})


def test_files_can_be_dropped(page: Browser):
    create(page, "Wharves")
    drop = """
    const transfer = new DataTransfer();
    transfer.items.add(new File(["Wharf nine is dry."], "nine.txt", { type: "text/plain" }));
    const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
    const event = new DragEvent("drop", how);
    document.getElementById("drop").dispatchEvent(event);
    return event.defaultPrevented;
    """
    assert page.script(drop) is True

    page.wait(lambda: statuses(page) == {"nine.txt": "ready"})


def test_a_dataset_can_be_talked_to_without_further_ado(page: Browser, tmp_path: Path):
    create(page, "Ferries")
    (tmp_path / "ferry.md").write_text("The ferry to Skerry leaves at dawn.\n")
    page.one("#files").send_keys(str(tmp_path / "ferry.md"))
    page.wait(lambda: page.all(".batch[data-done]"))

    page.one("#talk").click()

    page.wait(lambda: page.all("#question:enabled"))
    page.wait(lambda: page.text("#welcome h1") == "Ferries")
    page.answer("When does the ferry to Skerry leave?")
    assert "leaves at dawn" in page.text(".answer-text")
    assert page.complaints() == []
