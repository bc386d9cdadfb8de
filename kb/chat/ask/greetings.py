"""Messages that ask nothing of the documents: greetings, thanks, and what the app can do.

Only a message that is nothing else counts, so a greeting before a question changes nothing.
"""

from __future__ import annotations

import re
import unicodedata

from kb.text.fixed_sentences import fixed_sentence
from kb.types import App

_GREETINGS = (
    r"(?:hi+|hello|hey|howdy|greetings|good (?:morning|afternoon|evening|day))"
    r"(?: (?:there|all|team|again|everyone|everybody))?|how are you(?: today)?|"
    r"(?:many )?(?:thanks|thank you)(?: a lot| (?:so|very) much)?|cheers|(?:good)?bye|"
    r"hallo|guten (?:tag|morgen|abend)|moin|servus|gr[uü]ss gott|"
    r"wie geht(?: e|')?s(?: dir| ihnen)?|danke(?: schön| sehr)?|vielen dank|tschüss|"
    r"bonjour|bonsoir|salut|coucou|(?:comment )?ça va|merci(?: beaucoup)?|au revoir|"
    r"hola|buenos d[ií]as|buenas(?: tardes| noches)?|qué tal|cómo está[sn]?|(?:muchas )?gracias|"
    r"adi[oó]s|ciao|salve|buon ?giorno|buona ?sera|come stai|(?:molte )?grazie|arrivederci|"
    r"ol[aá]|oi|bom dia|boa (?:tarde|noite)|tudo bem|obrigad[oa]|goede(?:morgen|middag|navond)|"
    r"hoi|dank (?:je|u)(?: wel)?|hej|hejsan|hei|god (?:dag|morgen)|tack|takk|tak|moi|terve|kiitos|"
    r"cześć|dzień dobry|dziękuję|ahoj|dobrý den|děkuji|merhaba|selam|teşekkürler|xin chào|cảm ơn|"
    r"[你您]好[啊呀吗]?|大家好|嗨|哈[喽啰]|早上好|上午好|下午好|晚上好|早安|在吗|谢谢(?:[你您](?![好能可会是有]))?|多谢|再见|"
    r"こんにちは|おはよう(?:ございます)?|こんばんは|ありがとう(?:ございます)?|안녕(?:하세요)?|감사합니다"
)
_ABOUT_THE_APP = (
    r"(?:and )?(?:what|who) are you|what(?: else)? (?:can|do) you (?:do|know|answer)(?: for me)?|"
    r"what can i ask(?: you)?|how (?:can you help(?: me)?|do you work|do i use (?:this|you))|"
    r"help(?: me)?|what (?:can|does) this (?:app|assistant|bot|chatbot) do|"
    r"what is this(?: app| bot)?|was kannst du(?: alles)?|was k[öo]nnen sie(?: tun)?|"
    r"wer (?:bist du|sind sie)|hilfe|was kann ich (?:dich |sie )?fragen|"
    r"wie kannst du(?: mir)? helfen|que (?:peux-tu|pouvez-vous|sais-tu|savez-vous) faire|"
    r"qui (?:es-tu|êtes-vous)|aide|qu[eé] (?:puedes|sabes) hacer|qui[eé]n eres|"
    r"en qu[eé] puedes ayudar(?:me)?|ayuda|cosa (?:puoi|sai) fare|chi sei|aiuto|"
    r"o que (?:você )?(?:pode|sabe) fazer|quem [eé] você|ajuda|wat kun je(?: doen)?|wie ben je|"
    r"vad kan du(?: göra)?|vem är du|co potrafisz|kim jesteś|"
    r"[你您](?:能|可以|会)(?:做|干|帮我做?|回答)?(?:些|点)?什么|[你您]是谁|"
    r"[你您]有什么功能|帮助|怎么用|何ができますか|あなたは誰(?:ですか)?|使い方"
)
_NOTHING_ELSE = re.compile(rf"(?>(?:{_GREETINGS}|{_ABOUT_THE_APP})(?: |$|(?<=[\u3040-\uffff])))+")
"""Each phrase is read in one way only and never again, so a long message takes linear time."""

_MARKS = re.compile(r"[^\w'-]+")


def is_greeting(query: str) -> bool:
    """Whether a message only greets, thanks, or asks what the app can do."""
    plain = unicodedata.normalize("NFKC", query).casefold().replace("’", "'")
    words = _MARKS.sub(" ", plain).strip()
    return bool(words) and _NOTHING_ELSE.fullmatch(words) is not None


def opening(app: App, language: str) -> str:
    """What an app says first."""
    return app.opening or fixed_sentence("opening", language)
