"""Words that no question is about: function words and words of asking."""

from __future__ import annotations

import re

from kb.text.folding import fold

_WORDS = (
    "a about an and any are as at be been being by can could did do does "
    "for from had has have he her him his how i if in into is it its know long many may me might "
    "much must my not of on or our please shall she should some t tell than that "
    "the their them then there these they this those to us was we were what when "
    "where which while who whom whose why will with would you your"
)
FUNCTION_WORDS = frozenset(_WORDS.split())

# In scripts without spaces: documents hardly hold them, so they look telling, and their pairs with
# the characters beside them even more so.
ASKING = re.compile(
    fold(
        "[是有要得能需]*(?:什么时候|什么样|什么|甚么|多少[天钱个年]?|多久|多长时间|哪一|哪些|哪个|哪里|哪儿|"
        "哪|谁|几(?!乎)[天点个年次月种岁]?月?)|为什么|为何|怎么样|怎么办|怎么|怎样|如何|是否|能否|能不能|可不可以|"
        "请问|请教|想?咨询|想问|想知道|可以|一下|麻烦您?|吗|呢|有没有|了(?![解结])|"
        "何時|何人|何年|いつ|どこ|だれ|誰|なぜ|どのよう|どの|どんな|どう|いくつ|いくら|何と|何が|何|"
        "ですか|ますか|でしょうか|"
        "무엇|언제|어디|누구|왜|어떻게|얼마나|몇"
    )
)
