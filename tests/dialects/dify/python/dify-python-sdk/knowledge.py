"""dify-python-sdk: the knowledge API, in its older spelling."""

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from dify_client import KnowledgeBaseClient
from dify_client.exceptions import DifyClientError

where = {"api_key": os.environ["DIFY_DATASET_KEY"], "base_url": os.environ["DIFY_BASE_URL"]}
dataset = KnowledgeBaseClient(**where).create_dataset("filled by dify-python-sdk").json()
client = KnowledgeBaseClient(**where, dataset_id=dataset["id"])


def completed(answer):
    made = answer.json()
    for _ in range(600):
        (state,) = client.batch_indexing_status(made["batch"]).json()["data"]
        if state["indexing_status"] in ("completed", "error"):
            return made["document"]["id"], state["indexing_status"]
        time.sleep(0.05)


by_text, status = completed(client.create_document_by_text("tides.md", "High tide is at six."))
client.update_document_by_text(by_text, "tides.md", "High tide is at seven.")
with TemporaryDirectory() as folder:
    path = Path(folder, "ferry.md")
    path.write_text("The ferry leaves at noon.")
    by_file, _ = completed(client.create_document_by_file(str(path)))
    path.write_text("The ferry leaves at one.")
    completed(client.update_document_by_file(by_file, str(path)))
field = client.create_dataset_metadata({"type": "string", "name": "kind"}).json()
value = {"id": field["id"], "name": field["name"], "value": "boat"}
client.update_documents_metadata([{"document_id": by_file, "metadata_list": [value]}])
asked = {
    "search_method": "semantic_search",
    "reranking_enable": False,
    "top_k": 3,
    "score_threshold_enabled": False,
    "metadata_filtering_conditions": {
        "logical_operator": "or",
        "conditions": [{"name": "kind", "comparison_operator": "is", "value": "boat"}],
    },
}
found = client.hit_testing("When does the ferry leave?", asked).json()["records"]
pieces = client.query_segments(by_file).json()["data"]
try:
    client.add_segments(by_file, [{"content": "by hand"}])
    edited = "added"
except DifyClientError as exc:
    edited = "update-by-text" in str(exc)
told = {
    "status": status,
    "pieces": len(pieces),
    "edited": edited,
    "found": found[0]["segment"]["content"],
    "of": found[0]["segment"]["document"]["name"],
    "fields": [each["name"] for each in client.get_dataset_metadata().json()["doc_metadata"]],
    "listed": [each["name"] for each in client.list_documents(keyword="ferry").json()["data"]],
    "tags": len(client.list_dataset_tags().json()),
    "gone": client.delete_document(by_text).status_code,
    "left": client.list_documents(1, 20).json()["total"],
    "deleted": client.delete_dataset().status_code,
    "datasets": [each["name"] for each in client.list_datasets().json()["data"]],
}
print(json.dumps(told))
