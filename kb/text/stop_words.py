"""Words that no question is about: function words and words of asking."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from kb.text.folding import fold

_WORDS = (
    "a about am an and any are as at be been being by can could did do does during "
    "for from had has have he her him his how i if in into is it its know long many may me might "
    "much must my not of on or our per please shall she should since some t tell than that "
    "the their them then there these they this those to until us was we were what when "
    "where which while who whom whose why will with within would you your"
)
FUNCTION_WORDS = frozenset(_WORDS.split())

LANGUAGES = {
    "de": ("german", "wer wen wem wessen wann warum wieso woher bitte gibt darf viele vielen"),
    "es": ("spanish", "cuánto cuánta cuántos cuántas dónde cuándo cómo cuál cuáles quién puedo"),
    "fr": ("french", "combien quand où comment pourquoi quel quelle quels quelles"),
    "it": ("italian", "quando"),
    "nl": ("dutch", "hoeveel wanneer waar waarom"),
    "pt": ("portuguese", "onde quanto quanta quantos quantas"),
}
"""Languages whose function words are known: the name of NLTK's list, and words of asking, which it
lacks."""
_FOLDER = "_static/nltk_cache/corpora/stopwords"


@cache
def function_words(language: str) -> frozenset[str]:
    """The function words of a language (ISO 639-1), folded: NLTK's list, as llama-index ships it,
    and words of asking."""
    core = find_spec("llama_index.core")
    assert core is not None
    assert core.origin is not None
    name, asking = LANGUAGES[language]
    listed = (Path(core.origin).parent / _FOLDER / name).read_text("utf-8")
    return frozenset(fold(f"{asking} {listed}").split())


# In scripts without spaces: documents hardly hold them, so they look telling, and their pairs with
# the characters beside them even more so.
ASKING = re.compile(
    fold(
        "[是有要得能需]*(?:什么时候|什么样|什么|甚么|多少[天钱个年]?|多久|多长时间|多[长大高远重](?!期)|哪一|哪些|哪个|哪里|哪儿|"
        "哪|谁|几(?!乎)[天点个年次月种岁]?月?)|为什么|为何|怎么样|怎么办|怎么|怎样|如何|是否|能否|能不能|可不可以|"
        "请问|请教|想?咨询|想问|想知道|可以|一下|麻烦您?|吗|呢|有没有|了(?![解结])|"
        "何時|何人|何年|いつ|どこ|だれ|誰|なぜ|どのよう|どの|どんな|どう|いくつ|いくら|何と|何が|何|"
        "ですか|ますか|でしょうか|"
        "무엇|언제|어디|누구|왜|어떻게|얼마나|몇"
    )
)
