"""What a user of the openai package does with vector stores; prints what came back as JSON."""

import io
import json

import openai

client = openai.OpenAI(max_retries=0)
stores = client.vector_stores
FAST = {"poll_interval_ms": 50}


def refused(call):
    try:
        call()
    except openai.APIError as error:
        return [type(error).__name__, error.code]
    return None


def text(name, words):
    return name, io.BytesIO(words.encode())


def found(query, **how):
    page = stores.search(store.id, query=query, **how)
    return [[each.filename, each.content[0].text, each.attributes] for each in page]


store = stores.create(name="sky", metadata={"team": "night"})
same_name = stores.create(name="sky")
opava = client.files.create(file=text("moon.md", "The moon sets over Opava."), purpose="assistants")
one = stores.files.upload_and_poll(
    vector_store_id=store.id,
    file=text("moon.md", "The moon rises over Ostrava."),
    attributes={"year": 2024, "town": "Ostrava"},
    **FAST,
)
two = stores.files.create_and_poll(
    opava.id, vector_store_id=store.id, attributes={"year": 2025, "town": "Opava"}, **FAST
)
batch = stores.file_batches.upload_and_poll(
    store.id, files=[text("a.md", "Stars are far."), text("b.exe", "MZ\0\0")], **FAST
)
failed = stores.file_batches.list_files(batch.id, vector_store_id=store.id, filter="failed").data
newer = {"type": "gt", "key": "year", "value": 2024}
either = {
    "type": "or",
    "filters": [newer, {"type": "eq", "key": "town", "value": "Ostrava"}],
}
moons = found("Where does the moon rise?", max_num_results=5)
filtered = {
    "newer": found("moon", filters=newer),
    "either": found("moon", filters=either),
    "both": found("moon", filters={**either, "type": "and"}),
    "surest": found("moon", ranking_options={"score_threshold": 1.0}),
    "several": found(["moon", "stars"]),
}
listed = [each.id for each in stores.files.list(store.id, order="asc", limit=1)]
completed = stores.files.list(store.id, filter="completed").data
described = stores.files.update(one.id, vector_store_id=store.id, attributes={"year": 2030})
changed = stores.update(
    store.id, name="night sky", expires_after={"anchor": "last_active_at", "days": 2}
)
content = stores.files.content(one.id, vector_store_id=store.id)
newest = stores.list(limit=1)
before = stores.list(before=store.id, limit=1)
removed = stores.files.delete(one.id, vector_store_id=store.id)
kept = client.files.retrieve(one.id).filename
client.files.delete(opava.id)
left = [each.id for each in stores.files.list(store.id)]
small = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
cut = stores.create(file_ids=[one.id], chunking_strategy=small)
mixed = refused(
    lambda: stores.files.create(
        cut.id,
        file_id=one.id,
        chunking_strategy={**small, "static": {**small["static"], "max_chunk_size_tokens": 200}},
    )
)
many = [
    client.files.create(file=text("a.md", f"Text {number}."), purpose="assistants").id
    for number in range(12)
]
begun = stores.file_batches.create(same_name.id, file_ids=many)
stores.file_batches.cancel(begun.id, vector_store_id=same_name.id)
cancelled = stores.file_batches.poll(begun.id, vector_store_id=same_name.id, **FAST)
print(
    json.dumps(
        {
            "store": store.to_dict(),
            "same_name": same_name.name,
            "statuses": [one.status, two.status],
            "batch": batch.to_dict(),
            "failed": [each.to_dict() for each in failed],
            "moons": moons,
            "filtered": filtered,
            "ids": [one.id, two.id],
            "listed": listed,
            "completed": len(completed),
            "described": described.attributes,
            "changed": changed.to_dict(),
            "content": [each.text for each in content],
            "pages": [newest.data[0].id, newest.has_more, before.data[0].id, same_name.id],
            "removed": removed.to_dict(),
            "kept": kept,
            "left": left,
            "cut": [cut.file_counts.total, cut.status],
            "mixed": mixed,
            "cancelled": [cancelled.status, cancelled.file_counts.to_dict()],
            "gone": refused(lambda: stores.files.retrieve(one.id, vector_store_id=store.id)),
            "unknown": refused(lambda: stores.retrieve("ds_unknown")),
            "filter": refused(lambda: found("x", filters={"type": "like", "key": "a", "value": 1})),
            "attributes": refused(
                lambda: stores.files.update(
                    left[0], vector_store_id=store.id, attributes={"a": ["b"]}
                )
            ),
            "no_file": refused(lambda: stores.create(name="never", file_ids=["file_unknown"])),
            "names": [each.name for each in stores.list() if each.name == "never"],
            "deleted": stores.delete(cut.id).to_dict(),
        }
    )
)
