"""dify-dataset-sdk: typed models of all answers of the knowledge API; it adds `/v1` itself."""

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from dify_dataset_sdk import DifyDatasetClient
from dify_dataset_sdk._exceptions import DifyConflictError, DifyValidationError
from dify_dataset_sdk.datasets.models import RetrievalModel
from dify_dataset_sdk.documents.models import (
    PreProcessingRule,
    ProcessRule,
    ProcessRuleConfig,
    Segmentation,
)

client = DifyDatasetClient(
    os.environ["DIFY_DATASET_KEY"], os.environ["DIFY_BASE_URL"].removesuffix("/v1")
)
dataset = client.datasets.create(name="filled by dify-dataset-sdk", description="Tides")
try:
    client.datasets.create(name=dataset.name)
    twice = "made"
except DifyConflictError as exc:
    twice = exc.error_code
rules = ProcessRuleConfig(
    pre_processing_rules=[PreProcessingRule(id="remove_urls_emails", enabled=True)],
    segmentation=Segmentation(separator="###", max_tokens=200),
)
custom = ProcessRule(mode="custom", rules=rules)


def completed(made):
    for _ in range(600):
        (state,) = client.documents.get_indexing_status(dataset.id, made.batch).data
        if state.indexing_status in ("completed", "error"):
            return state
        time.sleep(0.05)


by_text = client.documents.create_by_text(
    dataset.id, "tides.md", "High tide is at six.###Low tide is at noon.", process_rule=custom
)
state = completed(by_text)
with TemporaryDirectory() as folder:
    path = Path(folder, "ferry.md")
    path.write_text("The ferry leaves at noon.")
    by_file = client.documents.create_by_file(dataset.id, path, process_rule=custom)
    completed(by_file)
    path.write_text("The ferry leaves at one.")
    completed(client.documents.update_by_file(dataset.id, by_file.document.id, path))
field = client.metadata.create(dataset.id, "number", "year")
value = {"id": field.id, "name": field.name, "value": "2024"}
given = [{"document_id": by_file.document.id, "metadata_list": [value]}]
client.metadata.update_document_metadata(dataset.id, given)
model = RetrievalModel(
    search_method="hybrid_search",
    reranking_enable=False,
    top_k=3,
    score_threshold_enabled=False,
    metadata_filtering_conditions={
        "logical_operator": "and",
        "conditions": [{"name": "year", "comparison_operator": ">=", "value": 2020}],
    },
)
found = client.datasets.retrieve(dataset.id, "When does the ferry leave?", model).records
pieces = client.segments.list(dataset.id, by_text.document.id)
one = client.segments.get(dataset.id, by_text.document.id, pieces.data[0].id)
children = client.segments.list_child_chunks(dataset.id, by_text.document.id, pieces.data[0].id)
try:
    client.segments.delete(dataset.id, by_text.document.id, pieces.data[0].id)
    edited = "deleted"
except DifyValidationError as exc:
    edited = "update-by-text" in str(exc)
file = client.documents.get_upload_file(dataset.id, by_file.document.id)
listed = client.documents.list(dataset.id, keyword="ferry")
told = {
    "twice": twice,
    "status": state.indexing_status,
    "pieces": len(pieces.data),
    "piece": one["data"]["content"],
    "children": len(children.data),
    "edited": edited,
    "found": found[0].segment.content,
    "of": found[0].segment.document.name,
    "fields": [each.name for each in client.metadata.list(dataset.id).doc_metadata],
    "listed": [each["name"] for each in listed.data],
    "tags": len(client.tags.list()),
    "models": len(client.models.list_embedding_models().data),
    "file": file["name"],
    "renamed": client.datasets.update(dataset.id, name="renamed by dify-dataset-sdk").name,
    "gone": client.documents.delete(dataset.id, by_text.document.id)["status"],
    "left": client.documents.list(dataset.id).total,
}
client.datasets.delete(dataset.id)
told["datasets"] = [each["name"] for each in client.datasets.list().data]
print(json.dumps(told))
