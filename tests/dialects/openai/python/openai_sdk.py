"""What a user of the openai package writes; prints what came back as JSON."""

import json

import openai

client = openai.OpenAI(max_retries=0)
QUESTION = [{"role": "user", "content": "When does the moon rise over Ostrava?"}]


def refused(call):
    try:
        call()
    except openai.APIError as error:
        return [type(error).__name__, error.code]
    return None


def asked(model):
    whole = client.chat.completions.create(model=model, messages=QUESTION)
    stream = client.chat.completions.create(
        model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    response = client.responses.create(model=model, input=QUESTION)
    events = list(client.responses.create(model=model, input=QUESTION, stream=True))
    message = whole.choices[0].message
    part = response.output[0].content[0]
    return {
        "whole": message.content,
        "cited": [each.url_citation.title for each in message.annotations or []],
        "stream": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
        "usage": [chunks[-1].usage.completion_tokens, whole.usage.completion_tokens],
        "completion": client.completions.create(model=model, prompt=QUESTION[0]["content"])
        .choices[0]
        .text,
        "response": response.output_text,
        "annotations": sorted({each.type for each in part.annotations}),
        "events": "".join(e.delta for e in events if e.type == "response.output_text.delta"),
        "ended": events[-1].type,
    }


def limited():
    how = {"max_tokens": 9, "stop": ["END"], "seed": 7}
    answer = client.chat.completions.create(model="cite", messages=QUESTION, **how)
    return answer.choices[0].finish_reason


models = [model.id for model in client.models.list()]
embedder = next(name for name in models if name == "hash")
vector = client.embeddings.create(model=embedder, input=["one", "two"]).data[1].embedding
print(
    json.dumps(
        {
            "models": models,
            "cite": asked("cite"),
            "plain": asked("plain"),
            "limited": limited(),
            "dimensions": len(vector),
            "unknown": refused(
                lambda: client.chat.completions.create(model="nobody", messages=QUESTION)
            ),
            "wrong_key": refused(lambda: openai.OpenAI(api_key="wrong").models.list()),
            "cut": refused(
                lambda: list(
                    client.chat.completions.create(model="cut", messages=QUESTION, stream=True)
                )
            ),
        }
    )
)
