"""A Haystack pipeline that fills a prompt from our search, waited for and beside other work."""

import asyncio
import json
import os

from haystack import Pipeline
from haystack.components.builders import PromptBuilder

from client.retrievers.haystack import KnowledgeBaseRetriever
from client.retrievers.passages import over_http

retriever = KnowledgeBaseRetriever(over_http(os.environ["URL"], os.environ["KEY"], "sky", top_k=1))
prompt = "{% for document in documents %}{{ document.content }}{% endfor %} {{ query }}"
pipeline = Pipeline()
pipeline.add_component("retriever", retriever)
pipeline.add_component("prompt", PromptBuilder(prompt, required_variables="*"))
pipeline.connect("retriever.documents", "prompt.documents")
query = {"query": "When does the moon rise?"}
inputs = {"retriever": query, "prompt": query}
filled = pipeline.run(inputs, include_outputs_from={"retriever"})
beside = asyncio.run(pipeline.run_async(inputs))
(document,) = filled["retriever"]["documents"]
print(
    json.dumps(
        {
            "prompt": filled["prompt"]["prompt"],
            "beside": beside["prompt"]["prompt"],
            "meta": document.meta,
            "score": document.score,
        }
    )
)
