"""Fifty usual prompts, each with what a model that obeys it says when it has no answer."""

from __future__ import annotations

REFUSALS = (
    (
        "You are a support agent. If you do not know the answer, say \"I'm sorry, I do not have "
        'information about that in the documents I was given."',
        "I'm sorry, I do not have information about that in the documents I was given.",
    ),
    (
        "Answer from the context only. If the answer is not in the context, say that the documents "
        "do not contain the answer and that the user may contact the help desk.",
        "I'm afraid the documents do not contain the answer and that the user may contact the help "
        "desk.",
    ),
    (
        "Help employees with human resources questions. For anything else, reply with: I can only "
        "help with questions about leave, pay, benefits and working hours at our company.",
        "I can only help with questions about leave, pay, benefits and working hours at our "
        "company.",
    ),
    (
        "You are a legal information bot. Never give advice. If asked, respond with: “This is "
        "general information and not legal advice, please consult a qualified lawyer near you.”",
        "This is general information and not legal advice, please consult a qualified lawyer near "
        "you.",
    ),
    (
        "Be brief. When the sources are silent, answer: Nothing in the sources that I was given "
        "answers this question, so I would rather not guess.",
        "Nothing in the sources that I was given answers this question, so I would rather "
        "not guess.",
    ),
    (
        "You help patients of a clinic. In an emergency tell them that they should call the "
        "emergency number at once and not wait for an answer in this chat.",
        "Please listen: they should call the emergency number at once and not wait for an "
        "answer in "
        "this chat.",
    ),
    (
        "You are the assistant of a bank. If the question is about an account, state that you "
        "cannot see any account data and that the customer should log in to online banking.",
        "I have to say that you cannot see any account data and that the customer should log in to "
        "online banking.",
    ),
    (
        'If you are unsure say "I am not sure about this one, let me connect you with a human '
        'colleague who can help".',
        "I am not sure about this one, let me connect you with a human colleague who can help",
    ),
    (
        "Greet everyone with: Welcome to the city library, how can I help you find what you are "
        "looking for today?",
        "Welcome to the city library, how can I help you find what you are looking for today?",
    ),
    (
        "End every answer with the sentence: Was this answer helpful to you, or would you like to "
        "speak to a member of our team?",
        "Was this answer helpful to you, or would you like to speak to a member of our team?",
    ),
    (
        "Only talk about our software. Otherwise say: Sorry, that is outside of what I can help "
        "with, but I am happy to answer questions about the product.",
        "Sorry, that is outside of what I can help with, but I am happy to answer questions about "
        "the product.",
    ),
    (
        "You explain tax forms. If the form is unknown, write that this form is not part of the "
        "collection and name the closest form that is in it.",
        "Unfortunately this form is not part of the collection and name the closest form "
        "that is in "
        "it.",
    ),
    (
        "Close with “Thank you for choosing our hotel, we look forward to welcoming you again "
        "soon”.",
        "Thank you for choosing our hotel, we look forward to welcoming you again soon",
    ),
    (
        "For questions on prices, answer with: Prices change every day, please look at the current "
        "price list on our web site before you order.",
        "Prices change every day, please look at the current price list on our web site before you "
        "order.",
    ),
    (
        "You are a tutor. If a student asks for a solution, explain that you only give hints and "
        "that the student learns more by trying the next step alone.",
        "As a tutor, you only give hints and that the student learns more by trying the next step "
        "alone.",
    ),
    (
        'When insulted, reply "I understand that you are upset, and I would like to help you solve '
        'the problem".',
        "I understand that you are upset, and I would like to help you solve the problem",
    ),
    (
        "You are an assistant for a museum. If no exhibit matches, admit that there is no exhibit "
        "like this in the present collection of the museum.",
        "Sorry, there is no exhibit like this in the present collection of the museum.",
    ),
    (
        "Do not discuss politics. If somebody insists, say: I keep out of politics, but I am glad "
        "to talk about anything in the handbook.",
        "I keep out of politics, but I am glad to talk about anything in the handbook.",
    ),
    (
        "Use a friendly tone. If a product is sold out, tell the customer that the product is sold "
        "out at the moment and will be back in about two weeks.",
        "Sadly, the product is sold out at the moment and will be back in about two weeks.",
    ),
    (
        "Begin with: Here is what our documentation says about your question, in the order of "
        "importance.",
        "Here is what our documentation says about your question, in the order of importance.",
    ),
    (
        "你是客服助手。如果资料中没有答案，请回答：“非常抱歉，我在现有的资料中没有找到与您的问题相关的信息。”",
        "非常抱歉，我在现有的资料中没有找到与您的问题相关的信息。",
    ),
    (
        "只回答与产品有关的问题，其他问题请说：我只能回答与本公司产品和服务有关的问题，感谢您的理解与支持。",
        "我只能回答与本公司产品和服务有关的问题，感谢您的理解与支持。",
    ),
    (
        "请根据上下文回答。如果不知道，请告诉用户目前的知识库还没有收录这方面的内容，建议拨打服务热线咨询。",
        "目前的知识库还没有收录这方面的内容，建议拨打服务热线咨询。",
    ),
    (
        "你是医院导诊机器人。遇到紧急情况请回复“请立即拨打急救电话或者前往最近的医院急诊科就诊，不要等待”。",
        "请立即拨打急救电话或者前往最近的医院急诊科就诊，不要等待",
    ),
    (
        "每次回答结束时说：“如果还有其他问题，欢迎随时联系我们的在线客服，祝您生活愉快！”",
        "如果还有其他问题，欢迎随时联系我们的在线客服，祝您生活愉快！",
    ),
    (
        "你是法律咨询助手，回答前请说明：以下内容仅供一般参考，不构成正式的法律意见，请咨询执业律师。",
        "以下内容仅供一般参考，不构成正式的法律意见，请咨询执业律师。",
    ),
    (
        "你是图书馆助手，开头使用「欢迎来到市立图书馆，请问今天有什么可以帮助您查找的资料吗」。",
        "欢迎来到市立图书馆，请问今天有什么可以帮助您查找的资料吗",
    ),
    (
        "当用户询问价格时，请告知客户价格会随市场变化而调整，请以官方网站当天公布的价格为准。",
        "价格会随市场变化而调整，请以官方网站当天公布的价格为准。",
    ),
    (
        "如果问题超出范围，回复：很遗憾这个问题超出了我的服务范围，请您尝试换一个与课程有关的问题。",
        "很遗憾这个问题超出了我的服务范围，请您尝试换一个与课程有关的问题。",
    ),
    (
        "遇到投诉时先说“给您带来的不便我们深表歉意，我们会尽快核实情况并给您一个满意的答复”。",
        "给您带来的不便我们深表歉意，我们会尽快核实情况并给您一个满意的答复",
    ),
    (
        "Du hilfst Bürgern. Wenn die Antwort fehlt, sage: „Dazu habe ich in den Unterlagen der "
        "Gemeinde leider nichts gefunden, bitte wenden Sie sich an das Bürgerbüro.“",
        "Dazu habe ich in den Unterlagen der Gemeinde leider nichts gefunden, bitte wenden "
        "Sie sich "
        "an das Bürgerbüro.",
    ),
    (
        "Beantworte nur Fragen zum Produkt. Sonst antworte: Dabei kann ich Ihnen leider nicht "
        "helfen, ich beantworte nur Fragen zu unseren Produkten.",
        "Dabei kann ich Ihnen leider nicht helfen, ich beantworte nur Fragen zu unseren Produkten.",
    ),
    (
        "Wenn jemand nach Rechtsrat fragt, sage, dass du keine Rechtsberatung geben darfst "
        "und dass "
        "ein Anwalt die richtige Stelle dafür ist.",
        "Ich muss sagen: du keine Rechtsberatung geben darfst und dass ein Anwalt die richtige "
        "Stelle dafür ist.",
    ),
    (
        "Schließe jede Antwort mit: Ich hoffe, dass Ihnen diese Auskunft geholfen hat, und wünsche "
        "Ihnen noch einen schönen Tag.",
        "Ich hoffe, dass Ihnen diese Auskunft geholfen hat, und wünsche Ihnen noch einen schönen "
        "Tag.",
    ),
    (
        "Bei Beschwerden schreibe »Es tut uns sehr leid, dass Sie mit unserem Service nicht "
        "zufrieden waren, wir kümmern uns darum«.",
        "Es tut uns sehr leid, dass Sie mit unserem Service nicht zufrieden waren, wir kümmern uns "
        "darum",
    ),
    (
        "Wenn du unsicher bist, erkläre, dass die Quellen sich in diesem Punkt widersprechen und "
        "nenne beide Stellen mit ihrer Seite.",
        "Leider gilt: die Quellen sich in diesem Punkt widersprechen und nenne beide Stellen mit "
        "ihrer Seite.",
    ),
    (
        "Eres el asistente de una tienda. Si no sabes la respuesta, di: «Lo siento, no he "
        "encontrado esa información en los documentos, por favor llame a la tienda».",
        "Lo siento, no he encontrado esa información en los documentos, por favor llame a la "
        "tienda",
    ),
    (
        "Responde solo sobre viajes. En otro caso responde: Solo puedo ayudarle con "
        "preguntas sobre "
        "sus viajes y reservas con nuestra agencia.",
        "Solo puedo ayudarle con preguntas sobre sus viajes y reservas con nuestra agencia.",
    ),
    (
        "Si falta el dato, di que los documentos disponibles no contienen ese dato y que se puede "
        "pedir por correo electrónico.",
        "Veo que los documentos disponibles no contienen ese dato y que se puede pedir por correo "
        "electrónico.",
    ),
    (
        "Termina siempre con la frase “Gracias por su visita y no dude en volver a preguntar "
        "cuando "
        "lo necesite”.",
        "Gracias por su visita y no dude en volver a preguntar cuando lo necesite",
    ),
    (
        "Para urgencias contesta: Llame ahora mismo al número de emergencias y no espere una "
        "respuesta de este asistente.",
        "Llame ahora mismo al número de emergencias y no espere una respuesta de este asistente.",
    ),
    (
        "Tu es l'assistant d'une mairie. Si tu ne sais pas, réponds : « Je n'ai pas trouvé cette "
        "information dans les documents de la mairie, veuillez appeler l'accueil ».",
        "Je n'ai pas trouvé cette information dans les documents de la mairie, veuillez appeler "
        "l'accueil",
    ),
    (
        "Ne parle que de nos produits. Sinon, dis que tu ne peux répondre qu'aux questions sur les "
        "produits et services de la maison.",
        "Désolé, tu ne peux répondre qu'aux questions sur les produits et services de la maison.",
    ),
    (
        "Commence par la phrase “Bonjour et bienvenue, je suis là pour vous aider à trouver la "
        "bonne information”.",
        "Bonjour et bienvenue, je suis là pour vous aider à trouver la bonne information",
    ),
    (
        "En cas de plainte, écris : Nous sommes vraiment désolés pour ce désagrément et nous "
        "allons "
        "chercher une solution avec vous.",
        "Nous sommes vraiment désolés pour ce désagrément et nous allons chercher une "
        "solution avec "
        "vous.",
    ),
    (
        "Si la question est médicale, répondez que ce service ne remplace pas un médecin et qu'il "
        "faut prendre rendez-vous.",
        "Attention, ce service ne remplace pas un médecin et qu'il faut prendre rendez-vous.",
    ),
    (
        "あなたは案内係です。資料に答えがない場合は「申し訳ございませんが、手元の資料にはご質問の内容に関する記載が見つかりませんでした」と答えてください。",
        "申し訳ございませんが、手元の資料にはご質問の内容に関する記載が見つかりませんでした",
    ),
    (
        "製品以外の質問には、弊社の製品とサービスに関するご質問にのみお答えしておりますと伝えてください。",
        "弊社の製品とサービスに関するご質問にのみお答えしております",
    ),
    (
        "回答の最後に『他にもご不明な点がございましたら、どうぞお気軽にお問い合わせください』と書いてください。",
        "他にもご不明な点がございましたら、どうぞお気軽にお問い合わせください",
    ),
    (
        "緊急の場合は、ただちに救急車を呼ぶか最寄りの病院の救急外来を受診してくださいと答えてください。",
        "ただちに救急車を呼ぶか最寄りの病院の救急外来を受診してください",
    ),
)
