"""Words that no question is about: function words and words of asking."""

from __future__ import annotations

import re

from kb.text.folding import fold

_WORDS = (
    "a about an and any are as at be been being by can could did do does "
    "for from had has have he her him his how i if in into is it its long many may me might "
    "much must my not of on or our please shall she should some t tell than that "
    "the their them then there these they this those to us was we were what when "
    "where which while who whom whose why will with would you your"
)
FUNCTION_WORDS = frozenset(_WORDS.split())

# In scripts without spaces: documents hardly hold them, so they look telling, and their pairs with
# the characters beside them even more so.
ASKING = re.compile(
    fold(
        "什么时候|为什么|是什么|什么样|什么|甚么|为何|怎么样|怎么|怎样|如何|多少|哪一|哪些|哪个|哪里|"
        "哪儿|哪|谁|是否|几个|请问|吗|呢|有没有|"
        "何時|何人|何年|いつ|どこ|だれ|誰|なぜ|どのよう|どの|どんな|どう|いくつ|いくら|何と|何が|何|"
        "ですか|ますか|でしょうか|"
        "무엇|언제|어디|누구|왜|어떻게|얼마나|몇"
    )
)
