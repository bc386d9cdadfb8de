"""dify-oapi2: typed requests and answers of the knowledge API; it adds `/v1` itself."""

import json
import os
import time
from io import BytesIO

from dify_oapi.api.knowledge.v1.model.create_dataset_request import CreateDatasetRequest
from dify_oapi.api.knowledge.v1.model.create_dataset_request_body import CreateDatasetRequestBody
from dify_oapi.api.knowledge.v1.model.create_document_by_file_request import (
    CreateDocumentByFileRequest,
)
from dify_oapi.api.knowledge.v1.model.create_document_by_file_request_body import (
    CreateDocumentByFileRequestBody,
)
from dify_oapi.api.knowledge.v1.model.create_document_by_file_request_body_data import (
    CreateDocumentByFileRequestBodyData,
)
from dify_oapi.api.knowledge.v1.model.create_document_by_text_request import (
    CreateDocumentByTextRequest,
)
from dify_oapi.api.knowledge.v1.model.create_document_by_text_request_body import (
    CreateDocumentByTextRequestBody,
)
from dify_oapi.api.knowledge.v1.model.delete_dataset_request import DeleteDatasetRequest
from dify_oapi.api.knowledge.v1.model.delete_document_request import DeleteDocumentRequest
from dify_oapi.api.knowledge.v1.model.get_batch_indexing_status_request import (
    GetBatchIndexingStatusRequest,
)
from dify_oapi.api.knowledge.v1.model.get_dataset_request import GetDatasetRequest
from dify_oapi.api.knowledge.v1.model.get_document_request import GetDocumentRequest
from dify_oapi.api.knowledge.v1.model.get_text_embedding_models_request import (
    GetTextEmbeddingModelsRequest,
)
from dify_oapi.api.knowledge.v1.model.get_upload_file_info_request import GetUploadFileInfoRequest
from dify_oapi.api.knowledge.v1.model.list_datasets_request import ListDatasetsRequest
from dify_oapi.api.knowledge.v1.model.list_documents_request import ListDocumentsRequest
from dify_oapi.api.knowledge.v1.model.list_segments_request import ListSegmentsRequest
from dify_oapi.api.knowledge.v1.model.process_rule import ProcessRule
from dify_oapi.api.knowledge.v1.model.retrieval_model import RetrievalModel
from dify_oapi.api.knowledge.v1.model.retrieve_from_dataset_request import (
    RetrieveFromDatasetRequest,
)
from dify_oapi.api.knowledge.v1.model.retrieve_from_dataset_request_body import (
    RetrieveFromDatasetRequestBody,
)
from dify_oapi.client import Client
from dify_oapi.core.model.request_option import RequestOption

client = Client.builder().domain(os.environ["DIFY_BASE_URL"].removesuffix("/v1")).build()
option = RequestOption.builder().api_key(os.environ["DIFY_DATASET_KEY"]).build()
knowledge = client.knowledge.v1


def completed(made):
    asked = GetBatchIndexingStatusRequest.builder().dataset_id(dataset.id).batch(made.batch)
    for _ in range(600):
        answer = knowledge.document.get_batch_status(asked.build(), option)
        (state,) = json.loads(answer.raw.content)["data"]
        if state["indexing_status"] in ("completed", "error"):
            return state["indexing_status"]
        time.sleep(0.05)


body = CreateDatasetRequestBody.builder().name("filled by dify-oapi2").build()
creating = CreateDatasetRequest.builder().request_body(body).build()
dataset = knowledge.dataset.create(creating, option)
rule = ProcessRule.builder().mode("automatic").build()
text = CreateDocumentByTextRequestBody.builder().name("tides.md").text("High tide is at six.")
text = text.indexing_technique("high_quality").process_rule(rule).build()
asked = CreateDocumentByTextRequest.builder().dataset_id(dataset.id).request_body(text).build()
by_text = knowledge.document.create_by_text(asked, option)
status = completed(by_text)
data = CreateDocumentByFileRequestBodyData.builder().indexing_technique("high_quality").build()
body = CreateDocumentByFileRequestBody.builder().data(data).build()
file = BytesIO(b"The ferry leaves at one.")
asked = CreateDocumentByFileRequest.builder().dataset_id(dataset.id).request_body(body)
by_file = knowledge.document.create_by_file(asked.file(file, "ferry.md").build(), option)
completed(by_file)
model = RetrievalModel.builder().search_method("hybrid_search").reranking_enable(False).top_k(3)
model = model.score_threshold_enabled(False).build()
body = RetrieveFromDatasetRequestBody.builder().query("When does the ferry leave?")
asked = RetrieveFromDatasetRequest.builder().dataset_id(dataset.id)
asked = asked.request_body(body.retrieval_model(model).build()).build()
found = knowledge.dataset.retrieve(asked, option).records


def of_file(request):
    return request.builder().dataset_id(dataset.id).document_id(by_file.document.id).build()


def documents(**query):
    asked = ListDocumentsRequest.builder().dataset_id(dataset.id)
    for name, value in query.items():
        asked = getattr(asked, name)(value)
    return knowledge.document.list(asked.build(), option)


one = knowledge.document.get(of_file(GetDocumentRequest), option)
info = knowledge.document.file_info(of_file(GetUploadFileInfoRequest), option)
pieces = knowledge.segment.list(of_file(ListSegmentsRequest), option)
counted = knowledge.dataset.get(GetDatasetRequest.builder().dataset_id(dataset.id).build(), option)
models = knowledge.model.embedding_models(GetTextEmbeddingModelsRequest.builder().build(), option)
told = {
    "status": status,
    "state": one.display_status,
    "pieces": len(pieces.data),
    "found": found[0].segment.content,
    "of": found[0].segment.document.name,
    "documents": counted.document_count,
    "listed": [each.name for each in documents(keyword="ferry").data],
    "models": len(models.data),
    "file": info.name,
}
gone = DeleteDocumentRequest.builder().dataset_id(dataset.id).document_id(by_text.document.id)
knowledge.document.delete(gone.build(), option)
told["left"] = documents().total
knowledge.dataset.delete(DeleteDatasetRequest.builder().dataset_id(dataset.id).build(), option)
listed = knowledge.dataset.list(ListDatasetsRequest.builder().build(), option)
told["datasets"] = [each.name for each in listed.data]
print(json.dumps(told))
