"""Whether a question leans on the ones before, and its content words."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from kb.text.languages import language_of
from kb.text.scripts import COMMON_HAN

LONG_WORDS = 20
LONG_CHARACTERS = 40
"""From this length on a question brings what it needs. Set by hand, as are the counts of content
words below, to the questions of `tests/kb/chat/follow_up/test_follow_ups.py`."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FUNCTION_WORDS = _words(
    "what who whom whose which when where why how is are am was were be been being do does did "
    "done can could should would will shall may might must has have had the a an of in on at to "
    "for from by with about over and or as than not no if so but then also too there here i you "
    "we me us my your our it its they them their theirs he him his she her hers one ones this "
    "that these those s t re ve ll d many much long any some more most all each into per please ok "
    "okay yes sure thanks thank tell give show say explain elaborate mean means meant detail "
    "details example examples else other others again continue go get gets exactly really happen "
    "happens happened work works difference same former latter way thing things reason just "
    "only still"
)
_AUXILIARIES = _words("is are was were do does did can could should would will may might must")
_ASKING = _AUXILIARIES | _words("what who whom whose which when where why how has have had")
_SUBJECTS = _words("it they he she")
_PRONOUNS = _SUBJECTS | _words("its them their theirs him his her hers")
_POSSESSIVES = _words("its their his her")
_EXISTING = (["is"], ["are"], ["was"], ["were"])
_POINTERS = _words("this that these those former latter")
_OPENERS = _words("and or but so also then plus")
_OPENERS_ELSEWHERE = _words("und et y e ed en och og oraz")
PREPOSITIONS = _words(
    "for in on at during with without to from by under after before until since about per"
)
_OURSELVES = _words("app assistant bot chatbot chat site website")
_ABOUT = re.compile(r"^(?:(?:and|but|so|or|ok|okay)\W+)?(?:what|how) about\b")
_EXPLETIVE = re.compile(r"\bit\b.*\b(?:to|that|if|when|whether)\b|what time (?:is|was) it")
_ABOUT_ELSEWHERE = re.compile(
    r"(?:(?:und|aber) )?(?:was ist mit (?:\w+ ){0,2}\w+$|wie (?:ist|sieht|steht) (?:es|das) "
    r"(?:bei|mit|für|in|um) |gilt (?:das|dies|es) (?:auch|für|hier|dort|dann)\b)|"
    r"(?:y )?qué (?:pasa con|hay de) |qu en est il "
)
_WHICH_ONE = re.compile(r"\b(?:which|this|that) ones?\b")
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")

_ZH_WORD = re.compile(f"[{COMMON_HAN}]+|[^\\W_]+(?:[-.][^\\W_]+)*")
_ZH_ASKING = re.compile(
    "什么时候|什么|甚么|为什么|为何|何时|何地|怎么样|怎么办|怎么|怎样|如何|"
    "多少[天钱个年]?|几[天个年次月种岁点]?月?|多久|多长|多大|多高|多重|多远|多快|哪一|哪些|哪个|哪里|哪儿|哪|谁|是否|几"
)
_ZH_FUNCTION = re.compile(
    f"{_ZH_ASKING.pattern}|请问|那么|它们|他们|她们|我们|你们|前者|后者|上述|以上|可以|需要|应该|知道|"
    "对于|关于|至于|还有|另外|然后|而且|以及|或者|但是|可是|所以|如果|假如|因为|一下|一些|具体|详细|"
    "解释|说明|介绍|告诉|举个?例子?|例子|例如|比如|继续|原因|理由|区别|意思|其他|其它|别的|更多|同样|情况|"
    "[的地得了着过是在和与跟有把被于也都还就那这它他她其该能会要不没很再又更最请个些种吗呢吧啊呀我你您"
    "说讲为从到对由]"
)
_ZH_ACT = re.compile(
    "申请|[批核]准|审批|同意|延[长期]?|续签?|提前|办理?|提交|取消|生效|到期|截止|期限|手续|流程|材料"
)
_ZH_ASKED = re.compile(f"{_ZH_ASKING.pattern}|可以|能|需要|要|吗")
_ZH_PRONOUN = re.compile("(?<![其吉])[它他她]们?(?![汀者人乡国])|^[其该](?![中实他它次余间])")
_ZH_POINTER = re.compile(
    "这(?!么)|那(?=[个些种里儿样时次位款条项本家件部份是会有要])|前者|后者|^(?:上述|以上)"
)
_ZH_OURSELVES = re.compile("这个?(?:应用|助手|机器人|网站|系统)")
_ZH_OPENER = re.compile(
    "^(?:那么?(?!不勒斯|曲|坡|拉提)|还有|另外|然后|而且|以及|或者|但是?|可是|所以|至于)"
)

_JA_WORD = re.compile("[\u30a1-\u30ff\u3005\u3400-\u9fff]+|[A-Za-z0-9][A-Za-z0-9.-]*")
_JA_ACT = re.compile(
    "承認|許可|申請|延長|更新|提出|変更|取消|開始|終了|支払|必要|可能|手続|方法|期限|期間"
)
_JA_ASKING = re.compile("[何誰][時日月年個人週間回]*|[いどな][つこれのうぜ]")
_JA_FRAGMENT = re.compile("(?:の場合は?|は|なら|については?)[？?]*$")
_JA_OBJECT = re.compile("[はを]")

SHORT_WORDS = 12
"""Up to so many words (two CJK characters count as one) a question may lean on what was said, in
languages that the rule does not know. Set by hand to the questions of `tests/kb/chat/follow_up`."""

FRAGMENT_WORDS = 3
"""Up to so many words that ask nothing ("Berlin?") may lean on it, too."""

_UNIT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\\W_]+")


def may_lean(query: str) -> bool:
    """Whether a question may lean on the one before: surely, or as far as can be told."""
    if is_follow_up(query):
        return True
    language, length = language_of(query), _length(query)
    if language == "zh":
        return length <= FRAGMENT_WORDS and not _ZH_ASKING.search(query)
    if language in ("en", None):
        words = _WORD.findall(query.lower())
        points_back = bool(_PRONOUNS.intersection(words[-1:]))
        return points_back or (length <= FRAGMENT_WORDS and not _ASKING.intersection(words))
    return length <= SHORT_WORDS


def is_follow_up(query: str) -> bool:
    """Whether a question cannot be understood without the one before it."""
    language = language_of(query)
    if language == "zh":
        return len(query) < LONG_CHARACTERS and _follows_up_in_chinese(query.strip())
    if language == "ja":
        return len(query) < LONG_CHARACTERS and _follows_up_in_japanese(query.strip())
    words = _WORD.findall(query.lower())
    if words and words[0] in _OPENERS_ELSEWHERE:
        return len(words) <= FRAGMENT_WORDS + 1
    if _ABOUT_ELSEWHERE.match(" ".join(words)) or _names_only_acts(words, language):
        return len(words) < LONG_WORDS
    return (
        language in ("en", None) and 0 < len(words) < LONG_WORDS and _follows_up_in_english(words)
    )


def content_words(text: str) -> list[str]:
    """The words of a question that say what it is about, as they are written, each once."""
    language = language_of(text)
    if language == "zh":
        found = _ZH_WORD.findall(_ZH_FUNCTION.sub(" ", text))
    elif language == "ja":
        found = _JA_WORD.findall(_JA_ASKING.sub(" ", text))
    else:
        known = _FUNCTION_WORDS | (_tables()[language][0] if language in _tables() else set())
        found = [word for word in _WORD.findall(text) if word.lower() not in known]
    return list(dict.fromkeys(found))


@cache
def _tables() -> dict[str, tuple[frozenset[str], tuple[str, ...]]]:
    """Language → its function words, and the beginnings of its words for acts."""
    text = (files("kb.chat.follow_up") / "leaning.toml").read_text("utf-8")
    return {
        language: (
            _words(told["function"]) or _FUNCTION_WORDS | PREPOSITIONS,
            tuple(told["acts"].split()),
        )
        for language, told in tomllib.loads(text).items()
    }


def _names_only_acts(words: list[str], language: str | None) -> bool:
    """Whether a question says what is done, and nothing that it is done to.

    `bench.dialogues` has 68 of its 70 dialogues right, and 56 without the acts of any language.
    None of 1,979 questions of SQuAD dev, 1,002 of CMRC 2018 and 1,481 of JSQuAD leans by them.
    """
    for own, (function, acts) in _tables().items():
        if language in (own, None):
            content = [word for word in words if word not in function]
            if 0 < len(content) < len(words) and all(word.startswith(acts) for word in content):
                return True
    return False


def _follows_up_in_japanese(query: str) -> bool:
    """Whether it is one word of a new matter ("実習生は？"), or an act without an object."""
    content = _JA_ASKING.sub(" ", query)
    if content == query:
        fragment = _JA_FRAGMENT.search(query)
        return fragment is not None and len(_JA_WORD.findall(query[: fragment.start()])) <= 1
    is_of_acts = bool(_JA_ACT.search(content)) and not _JA_WORD.search(_JA_ACT.sub("", content))
    return is_of_acts and not _JA_OBJECT.search(content)


def topic_words(text: str) -> list[str]:
    """The content words of a question without what is done, where others are left."""
    words = content_words(text)
    acts = _tables().get(language_of(text) or "", ((), ()))[1]
    return [word for word in words if not acts or not word.lower().startswith(acts)] or words


def _length(query: str) -> float:
    return sum(1.0 if unit.isascii() or len(unit) > 1 else 0.5 for unit in _UNIT.findall(query))


def _follows_up_in_english(words: list[str]) -> bool:
    content = [word for word in words if word not in _FUNCTION_WORDS]
    text = " ".join(words)
    if not content or _ABOUT.match(text):
        return True
    asks = bool(_ASKING.intersection(words))
    if words[0] in _OPENERS and (len(content) == 1 or not asks):
        return True
    if words[0] in PREPOSITIONS and not asks and len(content) <= 3:
        return True
    last = words[-1] == "then" or (words[-1] == "there" and words[-2:-1] not in _EXISTING)
    if len(content) <= 2 and (last or _WHICH_ONE.search(text)):
        return True
    return any(_refers_back(words, place, content, text) for place in range(len(words)))


def _refers_back(words: list[str], place: int, content: list[str], text: str) -> bool:
    """Whether the word at a place stands for something that is not in the question itself."""
    word = words[place]
    if word in _POINTERS:
        is_about_us = bool(_OURSELVES.intersection(words[place + 1 : place + 2]))
        return len(content) <= 2 and not is_about_us and not _before(words, place)
    if word not in _PRONOUNS or (word == "it" and _EXPLETIVE.search(text)):
        return False
    if word in _POSSESSIVES and (len(content) > 3 or (words[0] == "who" and place == 2)):
        return False  # "Who moved his court": it is the asked one's own
    before = _before(words, place)
    if not before:
        return True
    # "Who founded it?": the one word before is what is done to it, not what it stands for.
    between = words[words.index(before[0]) + 1 : place]
    return len(before) == 1 and word not in _SUBJECTS - {"it"} and not _ASKING & set(between)


def _before(words: list[str], place: int) -> list[str]:
    """The content words before a place, without that of "how old …" and "which country is it"."""
    found = []
    for at, word in enumerate(words[:place]):
        asked = at > 0 and (
            words[at - 1] == "how"
            or (
                words[at - 1] in ("what", "which")
                and at + 2 == place
                and words[at + 1] in _AUXILIARIES
            )
        )
        if word not in _FUNCTION_WORDS and not asked:
            found.append(word)
    return found


def _follows_up_in_chinese(query: str) -> bool:
    size = _size(query)
    asks = bool(_ZH_ASKING.search(query))
    if size == 0 or (query.rstrip("？?。 ").endswith("呢") and not asks and size <= 8):
        return True
    if _ZH_OPENER.match(query) and (size <= 1 or (size <= 2 and not asks)):
        return True
    if _ZH_ASKED.search(query) and _size(_ZH_ACT.sub("", query)) == 0:
        return True
    pronoun = _ZH_PRONOUN.search(query)
    if pronoun is not None:
        is_last = _size(query[pronoun.end() :]) == 0
        return _size(query[: pronoun.start()]) == 0 or (is_last and size <= 4)
    pointer = _ZH_POINTER.search(query)
    if pointer is None or _ZH_OURSELVES.search(query):
        return False
    return size <= 4 and _size(query[: pointer.start()]) == 0


def _size(text: str) -> int:
    """Characters of content; a Latin word or number counts as two."""
    words = _ZH_WORD.findall(_ZH_FUNCTION.sub(" ", text))
    return sum(2 if word.isascii() else len(word) for word in words)
