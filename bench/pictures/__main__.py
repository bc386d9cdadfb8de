"""Pictures of every page, in both languages and at two sizes, to be looked at.

    python -m bench.pictures FOLDER [--tutorial]

A server with a small handbook is started, and headless Chromium opens page after page. With
`--tutorial` only the pictures of `docs/using/console.md` and its Chinese counterpart are made.
Needs Chromium and its driver, and for Chinese a font with Chinese characters.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.conftest import running_browser
from tests.browser.site import Browser, Site
from tests.fake_models import running_fake_server
from tests.server import ServerProcess, running_server, wait_for_batch

SIZES = {"desk": (1280, 800, False), "phone": (390, 844, True)}
SETTLED_S = 0.8

HANDBOOK = {
    "leave.md": "# Annual leave\n\nEmployees have 28 days of annual leave a year. They ask for it "
    "two weeks ahead.\n\n# Parking\n\nVisitors park on level 2.\n",
    "pay.csv": "Role,Pay a month\nDriver,3000\nClerk,2800\n",
    "scan.pdf": "%PDF-1.7 damaged",
}
QUESTIONS = ("How many days of annual leave do employees have?", "Who won the cup?")
TUTORIAL = {
    "knowledge": "/console/knowledge/{dataset}",
    "document": "/console/knowledge/{dataset}/documents/{document}",
    "editor": "/console/apps/handbook",
    "share": "/console/apps/handbook?tab=share",
    "chat": "/?app=handbook&c={conversation}",
    "review": "/console/review",
    "tuning": "/console/tuning/sets/tone",
}
OTHERS = {
    "search": "/console/knowledge/{dataset}?tab=search",
    "model": "/console/apps/handbook?tab=model",
    "welcome": "/?app=handbook",
    "bases": "/console",
    "preparation": "/console/knowledge/{dataset}?tab=settings",
    "apps": "/console/apps",
    "search-of-app": "/console/apps/handbook?tab=knowledge",
    "opening": "/console/apps/handbook?tab=welcome",
    "versions": "/console/apps/handbook?tab=versions",
    "models": "/console/models",
    "conversations": "/console/conversations",
    "conversation": "/console/conversations/{conversation}",
    "usage": "/console/usage",
    "sets": "/console/tuning",
    "health": "/console/health",
    "nowhere": "/console/nowhere",
}


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description="Pictures of every page.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tutorial", action="store_true")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    wanted = TUTORIAL if arguments.tutorial else TUTORIAL | OTHERS
    sizes = ["desk"] if arguments.tutorial else list(SIZES)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_fake_server() as model,
        running_server(Path(folder) / "data") as server,
        running_browser(Path(folder) / "profile") as driver,
    ):
        named = filled(server, model.base_url)
        browser = Browser(driver, Site(server, named["dataset"]))
        browser.sign_in()
        for language in ("en", "zh"):
            driver.execute_script("localStorage.setItem('kb.language', arguments[0])", language)
            for size in sizes:
                resized(driver, *SIZES[size])
                for name, path in wanted.items():
                    browser.open(path.format(**named))
                    time.sleep(SETTLED_S)
                    parts = (name, language) if arguments.tutorial else (name, language, size)
                    driver.save_screenshot(str(arguments.folder / f"{'-'.join(parts)}.png"))


def resized(driver: WebDriver, width: int, height: int, is_phone: bool) -> None:
    """Show pages as a screen of this size does."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def filled(server: ServerProcess, model_url: str) -> dict[str, str]:
    """Fill the server; the ids that addresses need."""
    http: Any = server.http
    dataset = http.post("/v1/datasets", json={"name": "Staff handbook"}).json()["id"]
    files = [("files", (name, text.encode())) for name, text in HANDBOOK.items()]
    taken = http.post(f"/v1/datasets/{dataset}/documents", files=files).json()
    wait_for_batch(http, taken["batch_id"])
    model = {
        "name": "writer",
        "base_url": model_url,
        "model": "cite",
        "price_in": 1,
        "price_out": 4,
    }
    http.post("/v1/models", json=model).raise_for_status()
    about = {"slug": "handbook", "name": "Handbook", "opening": "Ask about leave, pay and parking."}
    http.post("/v1/apps", json={**about, "suggested_questions": [QUESTIONS[0]]}).raise_for_status()
    draft = {"prompt": "You answer for Harbour Ltd.\n\n{{context}}", "dataset_ids": [dataset]}
    draft["inputs"] = [{"name": "site", "label": "Your site"}]
    http.put("/v1/apps/handbook/draft", json=draft).raise_for_status()
    http.post("/v1/apps/handbook/publish").raise_for_status()
    asked = [
        http.post("/v1/apps/handbook/chat", json={"query": query, "stream": False}).json()
        for query in QUESTIONS
    ]
    http.post("/v1/tuning/sets", json={"name": "tone"}).raise_for_status()
    rows = "question,answer\nMay I park here?,Of course: on level 2.\nWho are you?,The office.\n"
    uploaded = {"file": ("rows.csv", rows.encode())}
    http.post("/v1/tuning/sets/tone/versions", files=uploaded).raise_for_status()
    document = http.get(f"/v1/datasets/{dataset}/documents", params={"q": "leave"}).json()["data"][
        0
    ]
    ids = {"dataset": dataset, "document": document["id"]}
    return {**ids, "conversation": asked[0]["conversation_id"]}


if __name__ == "__main__":
    main()
