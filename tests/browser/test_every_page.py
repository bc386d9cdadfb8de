"""Every page, in each language and theme: nothing untranslated, nothing that a reader of the screen
misses, nothing asked of others, nothing in the log of the browser."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.browser.reading import barriers, english, reads_chinese, shown, wear
from tests.browser.site import Browser, Site
from tests.server import wait_for_batch
from tune.diagnosis.curve import diagnose

pytestmark = pytest.mark.needs("chromium", "chromedriver")

CURVE = """
const made = { model: "tiny", created_at: "2026-01-01T00:00:00Z" };
const job = { ...made, status: "succeeded", diagnosis: args[0] };
const root = document.createElement("div");
const api = { get: async (path) => (path.endsWith("/curve") ? [] : job) };
const page = await import("/static/tuning/job.js");
await page.open({ api, params: { id: "1" }, root, title() {}, actions() {}, isHere: () => true });
return root.querySelector("li").textContent;
"""


def pages(site: Site) -> list[str]:
    conversation = site.server.http.post(
        "/v1/apps/almanac/chat", json={"query": "When does the moon rise?", "stream": False}
    ).json()["conversation_id"]
    document = site.server.http.get(f"/v1/datasets/{site.dataset_id}/documents").json()["data"][0]
    site.server.http.post("/v1/tuning/sets", json={"name": "tales"})  # 409 where it is there
    evaluation = evaluated(site)
    knowledge = f"/console/knowledge/{site.dataset_id}"
    editor = "/console/apps/counting"
    tabs = ("prompt", "knowledge", "model", "welcome", "versions", "share")
    return [
        "/?app=almanac",
        f"/?app=almanac&c={conversation}",
        "/console",
        *(f"{knowledge}?tab={tab}" for tab in ("documents", "search", "settings")),
        f"{knowledge}/documents/{document['id']}",
        "/console/apps",
        *(f"{editor}?tab={tab}" for tab in tabs),
        "/console/models",
        "/console/conversations",
        f"/console/conversations/{conversation}",
        "/console/usage",
        "/console/review",
        *evaluation,
        "/console/tuning",
        "/console/tuning/sets/tales",
        "/console/health",
        "/console/nowhere",
    ]


def evaluated(site: Site) -> list[str]:
    """The pages of evaluation, with a set and two runs of it."""
    http, path = site.server.http, "/v1/evaluation"
    listed = http.get(f"{path}/sets").json()["data"]
    if not listed:
        listed = [http.post(f"{path}/sets", json={"name": "moons"}).json()]
        question = {"question": "When does the moon rise?", "relevant": [{"document": "moon.md"}]}
        http.post(f"{path}/sets/moons/questions", json=question)
        for subject in ({"app": "almanac"}, {"dataset_id": site.dataset_id}):
            http.post(f"{path}/runs", json={"question_set": "moons", **subject})
    runs = http.get(f"{path}/runs").json()["data"]
    return [
        "/console/evaluation",
        f"/console/evaluation/sets/{listed[0]['id']}",
        f"/console/evaluation/runs/{runs[0]['id']}?against={runs[1]['id']}",
    ]


def settled(browser: Browser) -> None:
    """Wait until nothing is on its way any more."""
    browser.wait(lambda: not any(node.is_displayed() for node in browser.all(".progress")))


def test_pages_speak_one_language_and_ask_nobody_else(reader: Browser):
    chinese, translated = reads_chinese(reader), english()
    for path in pages(reader.site):
        reader.open(path)
        settled(reader)
        texts = shown(reader)
        left = (texts & translated) - {"Models"} if chinese else {t for t in texts if "知识库" in t}
        assert left == set(), path
        assert reader.driver.execute_script("return document.documentElement.lang") == (
            "zh" if chinese else "en"
        )
    reader.driver.get(reader.site.url + "/login")
    reader.wait(lambda: "Citewell" in reader.text("#version"))
    texts = shown(reader)
    assert {"管理员密钥" if chinese else "Admin key", "登录" if chinese else "Sign in"} <= texts
    assert not (texts & translated if chinese else {t for t in texts if "密钥" in t})
    assert reader.hosts_asked() <= {reader.site.url.removeprefix("http://")}
    assert [line for line in reader.complaints() if "/console/nowhere" not in line] == []


def test_a_file_that_failed_says_why_in_the_language_of_its_reader(reader: Browser):
    http = reader.site.server.http
    base = http.post("/v1/datasets", json={"name": "Broken"}).json()["id"]
    sent = {"files": ("scan.pdf", b"%PDF-1.7 and nothing else")}
    wait_for_batch(http, http.post(f"/v1/datasets/{base}/documents", files=sent).json()["batch_id"])
    (document,) = http.get(f"/v1/datasets/{base}/documents").json()["data"]
    detail = document["error"]["detail"]
    for path in ("", f"/documents/{document['id']}"):
        reader.open(f"/console/knowledge/{base}{path}")
        line = reader.wait(lambda: reader.all(".reason-line, .failed > .failure"))[0]
        chinese = reads_chinese(reader)
        assert line.text.startswith("文件已损坏" if chinese else detail)
        assert detail in str(line.get_property("textContent"))
    http.delete(f"/v1/datasets/{base}").raise_for_status()


def test_jobs_and_runs_that_failed_say_why_in_the_language_of_their_reader(reader: Browser):
    http = reader.site.server.http
    chinese = reads_chinese(reader)

    def says(path: str, selector: str, words: str, detail: str) -> None:
        reader.open(path)
        line = reader.wait(lambda: reader.all(selector))[0]
        shown = str(line.get_property("textContent"))
        assert shown.startswith(words if chinese else detail)
        assert detail in shown

    sets, rows = "/v1/tuning/sets", {"files": ("rows.jsonl", b'{"prompt": "Why?", "answer": ""}\n')}
    http.post(sets, json={"name": "empty"}).raise_for_status()
    http.post(f"{sets}/empty/versions", files=rows).raise_for_status()
    asked = {"model": "any", "training_set": "empty", "backend": "files"}
    job = f"/v1/tuning/jobs/{http.post('/v1/tuning/jobs', json=asked).json()['id']}"
    reader.wait(lambda: http.get(job).json()["status"] == "failed")
    detail = http.get(job).json()["error"]["detail"]
    says(job.replace("/v1", "/console"), ".failure", "训练数据中有", detail)
    http.delete(job).raise_for_status(), http.delete(f"{sets}/empty").raise_for_status()

    evaluated(reader.site)
    broken = {"question_set": "moons", "app": "broken"}
    run = f"/v1/evaluation/runs/{http.post('/v1/evaluation/runs', json=broken).json()['id']}"
    reader.wait(lambda: http.get(run).json()["status"] == "succeeded")
    (outcome,) = http.get(f"{run}/results").json()["data"]
    assert outcome["error_code"] == "model_unavailable"
    says(run.replace("/v1", "/console"), ".outcome div.failure", "模型没有响应", outcome["error"])
    http.delete(run).raise_for_status()


def test_a_curve_is_told_in_the_language_of_its_reader(reader: Browser):
    chinese = reads_chinese(reader)
    points = [{"step": step, "train_loss": 1.0} for step in range(20)]
    points.append({"step": 20, "train_loss": float("nan")})
    reader.open("/console")
    told = reader.script(CURVE, asdict(diagnose(points)))
    english = "Diverged: From step 20 on the loss is no number any more."
    assert told.startswith("发散：" if chinese else english)
    assert english in told


def test_who_signs_in_reads_the_language_of_their_browser(driver: WebDriver, site: Site):
    agent = {"userAgent": "Chrome", "acceptLanguage": "zh-CN"}
    driver.execute_cdp_cmd("Emulation.setUserAgentOverride", agent)
    driver.delete_all_cookies()
    driver.get(site.url + "/login")
    browser = Browser(driver, site)
    try:
        browser.wait(lambda: browser.text("h1") == "登录")
    finally:
        agent |= {"acceptLanguage": "en"}
        driver.execute_cdp_cmd("Emulation.setUserAgentOverride", agent)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_barrier(reader: Browser, theme: str):
    wear(reader, theme)
    found = {}
    for path in [*pages(reader.site), "/login"]:
        if path == "/login":
            reader.driver.get(reader.site.url + path)
        else:
            reader.open(path)
            settled(reader)
        if serious := barriers(reader):
            found[path] = serious
    assert found == {}
