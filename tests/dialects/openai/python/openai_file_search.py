"""What a user of the openai package writes to have vector stores searched for an answer."""

import io
import json

import openai

client = openai.OpenAI(max_retries=0)
QUESTION = "When does the comet pass over Opava?"


def kept(words, year):
    file = client.files.create(file=("comet.md", io.BytesIO(words)), purpose="assistants")
    client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, attributes={"year": year}, poll_interval_ms=50
    )
    return file.id


store = client.vector_stores.create(name="comets")
old = kept(b"In the old year the comet passes over Opava at two.", 1910)
new = kept(b"In the new year the comet passes over Opava at six.", 1986)
tool = {
    "type": "file_search",
    "vector_store_ids": [store.id],
    "filters": {"type": "gt", "key": "year", "value": 1950},
    "max_num_results": 3,
}


def asked(model):
    how = {"model": model, "input": QUESTION, "include": ["file_search_call.results"]}
    response = client.responses.create(**how, tools=[tool])
    with client.responses.stream(**how, tools=[tool]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    call, message = response.output
    return {
        "text": response.output_text,
        "queries": call.queries,
        "results": [
            [each.file_id, each.filename, each.text, each.attributes] for each in call.results
        ],
        "cited": sorted(
            {
                (each.file_id, each.filename)
                for each in message.content[0].annotations
                if each.type == "file_citation"
            }
        ),
        "events": [event.type.removeprefix("response.") for event in events],
        "streamed": final.output_text,
        "streamed_results": [each.file_id for each in final.output[0].results],
    }


bare = client.responses.create(model="plain", input=QUESTION, tools=[tool])
print(
    json.dumps(
        {
            "new": new,
            "cite": asked("cite"),
            "plain": asked("plain"),
            "without_include": bare.output[0].results,
        }
    )
)
