"""Which pictures there are: pages, and what pages look like in a certain state."""

from __future__ import annotations

from collections.abc import Callable

from selenium.webdriver.common.keys import Keys

from tests.browser.site import Browser

Act = Callable[[Browser], object]

STORY = "Bronze Age, talks to birds, a ferryman"

TUTORIAL = {
    "knowledge": "/console/knowledge/{dataset}",
    "document": "/console/knowledge/{dataset}/documents/{document}",
    "editor": "/console/apps/handbook",
    "share": "/console/apps/handbook?tab=share",
    "chat": "/?app=handbook&c={conversation}",
    "review": "/console/review",
    "tuning": "/console/tuning/sets/tone",
    "evaluation": "/console/evaluation/runs/{run}?against={against}",
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
    "evaluations": "/console/evaluation",
    "question-set": "/console/evaluation/sets/{questions}",
    "health": "/console/health",
    "nowhere": "/console/nowhere",
}

EMPTY = {
    "empty-bases": "/console",
    "empty-apps": "/console/apps",
    "empty-models": "/console/models",
    "empty-conversations": "/console/conversations",
    "empty-review": "/console/review",
    "empty-usage": "/console/usage",
    "empty-tuning": "/console/tuning",
    "empty-evaluation": "/console/evaluation",
    "empty-chat": "/",
}


def press(selector: str) -> Act:
    """Press the last of what is called so; a screen that is narrow may have it out of sight."""

    def act(browser: Browser) -> None:
        found = browser.wait(lambda: browser.all(selector))
        browser.driver.execute_script("arguments[0].click()", found[-1])

    return act


def asks(query: str, shown: str) -> Act:
    """Ask, and wait for what is to be seen then."""

    def act(browser: Browser) -> None:
        browser.ask(query)
        browser.wait(lambda: browser.all(shown))

    return act


def tells(browser: Browser) -> None:
    """Ask for a story, and wait until its first words stand there."""
    for box, text in zip(browser.all(".inputs input"), STORY.split(", "), strict=True):
        box.send_keys(text)
    browser.ask(STORY)
    browser.wait(lambda: len(browser.text(".answer-text").split()) > 14)


def scrolled(browser: Browser) -> None:
    """Show the end of what the page says."""
    browser.driver.execute_script("arguments[0].scrollIntoView()", browser.all(".panel")[-1])


def lost(browser: Browser) -> None:
    """Lose the session while a name is being typed."""
    press("#actions .primary")(browser)
    browser.wait(lambda: browser.all("dialog input"))[0].send_keys("Lamps")
    browser.driver.delete_all_cookies()
    press("dialog .primary")(browser)
    browser.wait(lambda: len(browser.all("dialog")) == 2)


def offline(browser: Browser) -> None:
    """Ask while the network is gone."""
    gone = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", gone)
    browser.ask("Is anybody there?")
    browser.wait(lambda: browser.all(".turn[data-status=failed]"))
    back = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", back)


def wrong_key(browser: Browser) -> None:
    """Try to sign in with a key that is none."""
    browser.one("#key").send_keys("wrong", Keys.ENTER)
    browser.wait(lambda: browser.text("#error"))


CHAT = "/?app=handbook&c={conversation}"
STATES: dict[str, tuple[str, Act]] = {
    "why-bad": (CHAT, press(".tools [data-rating=dislike]")),
    "train": ("/console/tuning", press("#actions .primary")),
    "switch": ("/console/apps/stories?tab=model", scrolled),
    "story": ("/?app=stories", tells),
    "passage": (CHAT, press(".answer-text .mark")),
    "new-base": ("/console", press("#actions .primary")),
    "pasted": ("/console/knowledge/{dataset}", press(".drop .row .button")),
    "deleting": ("/console/knowledge/{dataset}/documents/{document}", press("#actions .danger")),
    "connecting": ("/console/models", press("#actions .primary")),
    "budget": ("/console/usage", press("#page .panel:last-child .button")),
    "exporting": ("/console/conversations", press("#actions .button")),
    "link": ("/console/apps/handbook?tab=share", press(".version .button.quiet")),
    "new-set": ("/console/tuning", press("#actions .button:not(.primary)")),
    "collecting": ("/console/tuning/sets/tone", press("#page input[type=file] ~ .button")),
    "failed": ("/?app=broken", asks("Anything?", ".turn[data-status=failed]")),
    "offline": ("/?app=handbook", offline),
    "visitor": ("/chat/handbook?theme=dark&color=%23b3541e&title=Ask+us#{key}", lambda _: None),
    "bad-link": ("/chat/handbook#none", lambda _: None),
    "signed-out": ("/console", lost),
    "sign-in": ("/login", lambda _: None),
    "sign-in-wrong": ("/login", wrong_key),
}
TUTORIAL_STATES = ("why-bad", "train", "switch", "story")
