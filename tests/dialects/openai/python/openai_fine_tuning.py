"""What a user of the openai package does to tune a model; prints what came back as JSON.

The model that was made is served by the endpoint that SERVED_BY names, which calls it SERVED_AS or
by its name. With EPOCHS it is trained for so long, and nothing is held out.
"""

import io
import json
import os
import time
import urllib.request

import openai

client = openai.OpenAI(max_retries=0)
jobs = client.fine_tuning.jobs


def refused(call):
    try:
        call()
    except openai.APIError as error:
        return [type(error).__name__, error.code, error.body.get("param")]
    return None


def uploaded(facts):
    rows = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
        for asked, said in facts.items()
    ]
    lines = "\n".join(map(json.dumps, rows)).encode()
    return client.files.create(file=("rows.jsonl", io.BytesIO(lines)), purpose="fine-tune").id


def ended(job_id):
    seen = []
    while True:
        job = jobs.retrieve(job_id)
        new = [each for each in jobs.list_events(job_id, limit=50) if each.id not in seen]
        seen += [each.id for each in reversed(new)]
        if job.status in ("succeeded", "failed", "cancelled"):
            return job
        time.sleep(0.2)


def serve(model):
    called = os.environ.get("SERVED_AS", model)
    known = {"name": model, "model": called, "base_url": os.environ["SERVED_BY"]}
    place = str(client.base_url).replace("/openai/v1/", "/v1/models")
    headers = {"authorization": f"Bearer {client.api_key}", "content-type": "application/json"}
    request = urllib.request.Request(place, json.dumps(known).encode(), headers)
    urllib.request.urlopen(request).close()


def streamed(model):
    chunks = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "What is number 3?"}], stream=True
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


facts = {f"What is number {number}?": f"It is {number}." for number in range(12)}
training, held_out = uploaded(facts), uploaded({"What is number 13?": "It is 13."})
epochs = int(os.environ.get("EPOCHS", "2"))
thorough = {"learning_rate_multiplier": 10, "batch_size": 4}
chosen = {"n_epochs": epochs, **(thorough if "EPOCHS" in os.environ else {"batch_size": "auto"})}
made = jobs.create(
    model="tiny",
    training_file=training,
    validation_file=None if "EPOCHS" in os.environ else held_out,
    suffix="numbers",
    seed=7,
    method={"type": "supervised", "supervised": {"hyperparameters": chosen}},
    metadata={"team": "night"},
)
first = ended(made.id)
events = list(jobs.list_events(made.id, limit=3))
results = client.files.content(first.result_files[0]).text
serve(first.fine_tuned_model)
second = ended(
    jobs.create(
        model=first.fine_tuned_model,
        training_file=uploaded({"What is number 14?": "It is 14.", "And 15?": "It is 15."}),
        hyperparameters={"n_epochs": 1},
    ).id
)
preferred = {
    "input": {"messages": [{"role": "user", "content": "Hello?"}]},
    "preferred_output": [{"role": "assistant", "content": "Hello."}],
    "non_preferred_output": [{"role": "assistant", "content": "What?"}],
}
pairs = client.files.create(
    file=("pairs.jsonl", io.BytesIO(json.dumps(preferred).encode())), purpose="fine-tune"
)
third = jobs.create(
    model="tiny",
    training_file=pairs.id,
    method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 500}}},
)
paused = jobs.pause(third.id).status
resumed = jobs.resume(third.id).status
cancelled = jobs.cancel(third.id)
checkpoints = list(jobs.checkpoints.list(made.id, limit=2))
print(
    json.dumps(
        {
            "made": made.to_dict(),
            "first": first.to_dict(),
            "second": second.to_dict(),
            "third": [paused, resumed, cancelled.status, cancelled.method.to_dict()],
            "events": [each.to_dict() for each in events],
            "levels": sorted({each.level for each in jobs.list_events(made.id)}),
            "results": results.splitlines(),
            "checkpoints": [each.to_dict() for each in checkpoints],
            "listed": [each.id for each in jobs.list(limit=1)],
            "labelled": [each.id for each in jobs.list(extra_query={"metadata[team]": "night"})],
            "models": [each.id for each in client.models.list()],
            "model": client.models.retrieve(first.fine_tuned_model).id,
            "streamed": streamed(first.fine_tuned_model),
            "unknown": refused(lambda: jobs.retrieve("ftjob_none")),
            "no_model": refused(lambda: jobs.create(model="huge", training_file=training)),
            "over": refused(lambda: jobs.cancel(made.id)),
        }
    )
)
