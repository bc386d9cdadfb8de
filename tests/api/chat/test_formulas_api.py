"""TeX as MathML: what formulas may be, and how little of anything else gets through."""

from __future__ import annotations

import re

import pytest

from api.resources.chat.mathml import LONGEST_TEX, mathml_of
from tests.api.serving import Served

HOSTILE = (
    r"\href{javascript:alert(1)}{x}",
    r"\class{mark}{x}",
    r"\style{position:fixed}{x}",
    r"\text{</mtext><script>alert(1)</script>}",
    r"<script>alert(1)</script>",
    r"\text{&lt;script&gt;}",
    r"\color{red}x",
    r"\hspace{-900em}x",
    r"\htmlId{a}{x}\htmlData{a=b}{x}\includegraphics{http://off-origin.invalid/a.png}",
    r"\unicode{x3c}script\unicode{x3e}",
)


def test_formulas_are_shown_in_their_order(served: Served):
    body = {"formulas": [{"tex": r"\frac{a}{b}"}, {"tex": "x^{"}, {"tex": "x<1", "block": True}]}

    shown = served.http.post("/v1/formulas", json=body).json()["data"]

    assert [sorted(each) for each in shown] == [["mathml"], [], ["mathml"]]
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>" in shown[0]["mathml"]
    assert 'display="block"' in shown[2]["mathml"]
    assert "<mo>&lt;</mo>" in shown[2]["mathml"]


def test_whoever_may_ask_may_have_formulas_shown(served: Served):
    served.new_app("tex")
    app = served.with_new_key(kind="app", app="tex")
    dataset = served.with_new_key(
        kind="dataset", dataset_ids=[served.new_dataset("tex", {"a.md": "A page."})]
    )
    body = {"formulas": [{"tex": "x"}]}

    assert app.post("/v1/formulas", json=body).status_code == 200
    assert dataset.post("/v1/formulas", json=body).status_code == 403


@pytest.mark.parametrize("tex", HOSTILE)
def test_nothing_but_mathematics_is_written(tex: str):
    mathml = mathml_of(tex, block=False)

    assert mathml is not None
    assert set(re.findall(r"</?([a-z]+)", mathml)) <= {
        *("math", "mi", "mn", "mo", "mrow", "mspace", "mstyle", "mtext")
    }
    assert not re.search(
        r"href|class|[^e]style=|color|off-origin|900", re.sub(r">[^<]*<", "><", mathml)
    )


@pytest.mark.parametrize(
    "tex",
    [
        r"\def\a{\a\a}\a",
        r"\newcommand{\a}[1]{#1#1#1#1}\a{\a{\a{\a{x}}}}",
        "{" * 200 + "}" * 200,
        r"\sqrt{" * 100 + "}" * 100,
        r"\left(" * 90 + r"\right)" * 90,
        "x" * (LONGEST_TEX + 1),
    ],
)
def test_what_could_grow_or_nest_without_end_has_no_mathml(tex: str):
    assert mathml_of(tex, block=True) is None


@pytest.mark.parametrize(
    "unit", ["^", "_", "\\sqrt", "\\dot", "\\footnotesize", "&", "a'", "\\\\", "\\text"]
)
def test_any_command_again_and_again_is_small_or_refused(unit: str):
    mathml = mathml_of(unit * (LONGEST_TEX // len(unit)), block=True)

    assert mathml is None or len(mathml) < 40 * LONGEST_TEX
