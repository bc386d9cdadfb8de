"""The language of a question: told where it can be, never guessed from a name."""

import pytest

from kb.text.languages import LANGUAGES, language_of

QUESTIONS = {
    "en": [
        "How long is the notice period?",
        "Who signs the contract?",
        "What does the warranty cover?",
        "Where can I park?",
        "Reset password how?",
    ],
    "de": [
        "Wie lange dauert die Rückerstattung?",
        "Wer unterschreibt den Vertrag?",
        "Was kostet der Versand?",
        "Wo finde ich die Rechnung?",
        "Passwort zurücksetzen",
    ],
    "fr": [
        "Combien de temps prend le remboursement ?",
        "Qui signe le contrat ?",
        "Où se trouve la facture ?",
        "Quelle est la durée de la garantie ?",
        "Comment réinitialiser mon mot de passe ?",
    ],
    "es": [
        "¿Cuánto tarda el reembolso?",
        "¿Quién firma el contrato?",
        "Cuanto cuesta el envío",
        "¿Dónde está mi factura?",
        "Restablecer la contraseña",
    ],
    "it": [
        "Quanto tempo ci vuole per il rimborso?",
        "Chi firma il contratto?",
        "Dove trovo la fattura?",
        "Quanto costa la spedizione?",
        "Come cambio la password?",
    ],
    "pt": [
        "Quanto tempo leva o reembolso?",
        "Quem assina o contrato?",
        "Onde está a minha fatura?",
        "Qual é o prazo de entrega?",
        "Como posso redefinir a senha?",
    ],
    "nl": [
        "Hoe lang duurt de terugbetaling?",
        "Wie ondertekent het contract?",
        "Waar vind ik mijn factuur?",
        "Wat kost de verzending?",
        "Wachtwoord opnieuw instellen",
    ],
    "ru": [
        "Сколько длится возврат?",
        "Кто подписывает договор?",
        "Где мой счёт?",
        "Сколько стоит доставка?",
        "Как сбросить пароль?",
    ],
    "uk": [
        "Скільки триває повернення коштів?",
        "Хто підписує договір?",
        "Де мій рахунок?",
        "Скільки коштує доставка?",
        "Як змінити пароль?",
    ],
    "zh": [
        "退款需要多长时间？",
        "谁签合同？",
        "发票在哪里？",
        "请问 OpenAI API 的限额是多少？",
        "保修期",
    ],
    "ja": [
        "返金にはどのくらいかかりますか？",
        "契約書には誰が署名しますか？",
        "請求書はどこですか？",
        "送料はいくら？",
        "パスワードの変更方法",
    ],
    "ko": [
        "환불은 얼마나 걸리나요?",
        "누가 계약서에 서명하나요?",
        "청구서는 어디 있나요?",
        "배송비는 얼마예요?",
        "비밀번호 변경",
    ],
    "ar": [
        "كم تستغرق عملية الاسترداد؟",
        "من يوقع العقد؟",
        "أين الفاتورة؟",
        "كم تكلفة الشحن؟",
        "تغيير كلمة المرور",
    ],
    "fa": [
        "بازپرداخت چقدر طول می‌کشد؟",
        "چه کسی قرارداد را امضا می‌کند؟",
        "فاکتور کجاست؟",
        "هزینه ارسال چقدر است؟",
        "تغییر گذرواژه",
    ],
    "el": [
        "Πόσο διαρκεί η επιστροφή;",
        "Ποιος υπογράφει τη σύμβαση;",
        "Πού είναι το τιμολόγιο;",
        "Πόσο κοστίζει η αποστολή;",
        "Αλλαγή κωδικού",
    ],
    "he": [
        "כמה זמן לוקח ההחזר?",
        "מי חותם על החוזה?",
        "איפה החשבונית?",
        "כמה עולה המשלוח?",
        "שינוי סיסמה",
    ],
    "hi": [
        "रिफंड में कितना समय लगता है?",
        "अनुबंध पर कौन हस्ताक्षर करता है?",
        "बिल कहाँ है?",
        "डिलीवरी की लागत क्या है?",
        "पासवर्ड बदलें",
    ],
    "th": [
        "ใช้เวลาคืนเงินนานเท่าไร",
        "ใครเป็นคนเซ็นสัญญา",
        "ใบแจ้งหนี้อยู่ที่ไหน",
        "ค่าจัดส่งเท่าไร",
        "เปลี่ยนรหัสผ่าน",
    ],
}
"""Five short questions, the last ones without a verb or a question mark, in 18 languages."""

OTHERS = {
    "pl": "Jak długo trwa zwrot pieniędzy?",
    "sv": "Vem undertecknar avtalet?",
    "tr": "Para iadesi ne kadar sürer?",
    "vi": "Ai ký hợp đồng?",
    "cs": "Kdo podepisuje smlouvu?",
    "id": "Berapa lama pengembalian dana?",
}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        *((text, language) for language, texts in QUESTIONS.items() for text in texts),
        *((text, language) for language, text in OTHERS.items()),
        ("Wie lange dauert die Rückerstattung?", "de"),
        ("Combien de temps est-ce que le remboursement prend ?", "fr"),
        ("Quanto tempo leva o reembolso e como posso pedir?", "pt"),
        ("Hoe lang duurt het voordat ik mijn geld terug heb?", "nl"),
        ("Скільки триває її повернення?", "uk"),
    ],
)
def test_the_language_of_a_question(text: str, language: str):
    assert language in LANGUAGES
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["kubectl", "42?", "", "OK", "v2.3.1", "GPT-4o"])
def test_a_name_or_a_number_has_no_language(text: str):
    assert language_of(text) is None


@pytest.mark.parametrize(
    "text", ["And for interns?", "Why?", "More", "And in Berlin?", "Its price?"]
)
def test_a_few_english_words_are_english_or_unknown(text: str):
    assert language_of(text) in ("en", None)
