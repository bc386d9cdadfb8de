"""The hidden prompt: one pass, exact braces, sources packed whole."""

import pytest

from kb.chat.ask.prompting import build_prompt, context_block, fill, prompt_warnings
from kb.protocols import Sampling
from kb.types import AppContent, Chunk, Hit, InputVariable, Source, Span, Turn, Variant


def source(n: int, text: str, heading: str = "", name: str = "a.md") -> Source:
    index_text = f"{heading}\n{text}" if heading else text
    spans = (Span(3, 0, len(text)),)
    return Source(
        n, Hit(Chunk(f"c{n}", "d", n, spans, text, heading, index_text), "s", name, 1, {})
    )


def words(text: str) -> int:
    return len(text.split())


def test_filling_is_a_single_pass_over_the_template():
    filled = fill(
        "{{ context }}|{{query}}|{{inputs.tone}}|{{inputs.gone}}",
        context="see {{query}}",
        query="what is {{inputs.tone}}?",
        inputs={"tone": "{{context}}"},
    )
    assert filled == "see {{query}}|what is {{inputs.tone}}?|{{context}}|"


def test_unknown_braces_stay_literal():
    template = '{"a": {"b": 1}} {{other}} {{ inputs. }} {query} {{{query}}} \\1'
    assert fill(template, context="", query="Q\\1", inputs={}) == template.replace(
        "{{query}}", "Q\\1"
    )


@pytest.mark.parametrize(
    "text",
    ["{{contxt}}", "{{ Query }}", "{{inputs.foo}}", "{{inputs.}}", "{{input.名}}", "{{\nquery}}"],
)
def test_what_looks_like_a_placeholder_and_is_not_filled_is_warned_of_once(text):
    content = AppContent(
        prompt=f"{{{{query}}}} {text} {{{{inputs.名}}}} {text}", inputs=(InputVariable("名"),)
    )
    (warning,) = prompt_warnings(content)
    assert warning.code == "unknown_placeholder"
    assert f"`prompt` holds `{text}`" in warning.detail
    for known in ("{{context}}", "{{query}}", "{{draft}}", "{{inputs.名}}"):
        assert f"`{known}`" in warning.detail


def test_every_prompt_of_a_draft_is_looked_through_and_other_braces_are_left_alone():
    variants = {
        "base": Variant(prompt='{"a": {"b": 1}} {query} {{{query}}} {{"a"}}', draft_prompt="{{x}}"),
        "tuned": Variant(prompt="{{y}}"),
    }
    found = [warning.detail.split(",")[0] for warning in prompt_warnings(AppContent(**variants))]
    assert found == ["`base.draft_prompt` holds `{{x}}`", "`tuned.prompt` holds `{{y}}`"]
    assert prompt_warnings(AppContent()) == ()


def test_sources_are_numbered_and_headings_are_not_said_twice():
    block, fitted = context_block(
        [source(1, "One.", "Guide > Start"), source(2, "Two.", name="b\n.md")], words, 100
    )
    assert block == "[1] a.md, page 3 — Guide > Start\nOne.\n\n[2] b .md, page 3\nTwo."
    assert [s.n for s in fitted] == [1, 2]


def test_packing_ends_at_the_first_source_that_does_not_fit():
    many = [source(1, "a b c"), source(2, "d " * 50), source(3, "e")]
    block, fitted = context_block(many, words, 20)  # 4 words of title + 3, then 4 + 50
    assert [s.n for s in fitted] == [1]
    assert block.endswith("a b c")


def test_the_first_source_is_cut_to_the_budget():
    block, fitted = context_block([source(1, "word " * 100)], words, 10)
    assert words(block) == 10
    assert len(fitted) == 1
    assert context_block([], words, 10) == ("", ())


def test_a_template_without_a_place_for_context_gets_it_appended():
    prompt = build_prompt("Be kind to {{inputs.who}}.", "Q", context="[1] x", inputs={"who": "all"})
    assert prompt.system.startswith("Be kind to all.\n\nSources")
    assert prompt.system.endswith("[1] x")
    assert not prompt.query_in_system


def test_a_template_with_a_place_for_context_is_only_filled():
    prompt = build_prompt("{{context}}#{{query}}", "Q", context="[1] {{query}}")
    assert prompt.system == "[1] {{query}}#Q"
    assert prompt.query_in_system


def test_an_empty_template_with_a_search_becomes_the_default_prompt():
    with_sources = build_prompt(" ", "Q", context="[1] the text").system
    assert "numbered sources" in with_sources
    assert with_sources.endswith("[1] the text")
    assert "No source was found" in build_prompt("", "Q", context="").system


def test_plain_chat_has_the_bare_template_history_and_decoding():
    turn = Turn("a", "b")
    prompt = build_prompt("", "Q", context=None, history=[turn], sampling=Sampling(0.5, 7))
    assert (prompt.system, prompt.history, prompt.query) == ("", (turn,), "Q")
    assert prompt.sampling == Sampling(0.5, 7)


def test_the_text_of_a_question_with_braces_does_not_count_as_a_placeholder():
    assert not build_prompt("Hello", "{{query}}", context="{{query}}").query_in_system
