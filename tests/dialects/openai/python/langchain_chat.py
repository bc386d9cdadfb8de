"""What a user of LangChain writes; prints what came back as JSON."""

import json

from langchain_openai import ChatOpenAI

QUESTION = "When does the moon rise over Ostrava?"


def asked(model, **options):
    chat = ChatOpenAI(model=model, max_retries=0, stream_usage=True, **options)
    whole = chat.invoke(QUESTION)
    parts = list(chat.stream(QUESTION))
    blocks = [block for block in whole.content_blocks if block["type"] == "text"]
    return {
        "whole": "".join(block["text"] for block in blocks),
        "stream": "".join(part.text for part in parts),
        "usage": whole.usage_metadata["output_tokens"],
        "cited": sum(len(block.get("annotations", [])) for block in blocks),
    }


def refused(model):
    try:
        list(ChatOpenAI(model=model, max_retries=0).stream(QUESTION))
    except Exception as error:  # LangChain hands on the errors of the openai package
        return [type(error).__mro__[0].__name__, error.code]
    return None


print(
    json.dumps(
        {
            model: {
                "chat": asked(model, use_responses_api=False),
                "responses": asked(model, use_responses_api=True),
            }
            for model in ("cite", "plain")
        }
        | {"unknown": refused("nobody"), "cut": refused("cut")}
    )
)
