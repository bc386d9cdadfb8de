"""What a user of LlamaIndex writes; prints what came back as JSON."""

import json
import os

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

QUESTION = "When does the moon rise over Ostrava?"


def client(model, **options):
    return OpenAILike(
        model=model,
        api_base=os.environ["OPENAI_BASE_URL"],
        api_key=os.environ["OPENAI_API_KEY"],
        max_retries=0,
        **options,
    )


def asked(model):
    chat = client(model, is_chat_model=True)
    messages = [ChatMessage(role="user", content=QUESTION)]
    return {
        "whole": chat.chat(messages).message.content,
        "stream": "".join(part.delta or "" for part in chat.stream_chat(messages)),
        "completion": client(model).complete(QUESTION).text,
    }


def refused(model):
    try:
        client(model).complete(QUESTION)
    except Exception as error:
        return [type(error).__name__, error.code]
    return None


found = {model: asked(model) for model in ("cite", "plain")}
print(json.dumps(found | {"unknown": refused("nobody")}))
