"""What a user of the openai package does with files; prints what came back as JSON."""

import io
import json

import openai

client = openai.OpenAI(max_retries=0)


def refused(call):
    try:
        call()
    except openai.APIError as error:
        return [type(error).__name__, error.code]
    return None


def kept(name, text, purpose="assistants", **more):
    return client.files.create(file=(name, io.BytesIO(text)), purpose=purpose, **more)


first = kept("moon.md", b"The moon rises over Ostrava at nine.")
second = kept("moon.md", b"The moon sets over Opava at four.", "user_data")
lines = kept(
    "train.jsonl",
    b'{"messages": []}\n',
    "fine-tune",
    expires_after={"anchor": "created_at", "seconds": 3600},
)
newest = [each.id for each in client.files.list(limit=1)]
oldest = [each.id for each in client.files.list(order="asc", limit=2)]
tuning = [each.filename for each in client.files.list(purpose="fine-tune")]
content = client.files.content(first.id).text
deleted = client.files.delete(second.id)
print(
    json.dumps(
        {
            "first": first.to_dict(),
            "retrieved": client.files.retrieve(first.id).to_dict(),
            "expires": lines.expires_at - lines.created_at,
            "waited": client.files.wait_for_processing(first.id).status,
            "content": content,
            "made": [first.id, second.id, lines.id],
            "newest": newest,
            "oldest": oldest,
            "tuning": tuning,
            "deleted": deleted.to_dict(),
            "gone": refused(lambda: client.files.retrieve(second.id)),
            "purpose": refused(lambda: kept("a.md", b"a", "vision")),
            "expiry": refused(
                lambda: kept("a.md", b"a", expires_after={"anchor": "created_at", "seconds": 1})
            ),
        }
    )
)
