"""dify-client-python: strict models of every answer, and errors by code."""

import asyncio
import json
import os

from dify_client import AsyncClient, Client, errors, models

QUESTION, USER = "When does the moon rise over Ostrava?", "strict"
where = {"api_key": os.environ["DIFY_API_KEY"], "api_base": os.environ["DIFY_BASE_URL"]}
client = Client(**where)


def asked(mode, query=QUESTION, **fields):
    return models.ChatRequest(query=query, inputs={}, user=USER, response_mode=mode, **fields)


whole = client.chat_messages(asked(models.ResponseMode.BLOCKING))
events = list(client.chat_messages(asked(models.ResponseMode.STREAMING)))
one = {"message_id": whole.message_id}
like = models.FeedbackRequest(rating=models.Rating.LIKE, user=USER)
stop = client.stop_chat_messages(whole.task_id, models.StopRequest(user=USER))
suggested = client.suggest_messages(whole.message_id, models.ChatSuggestRequest(user=USER))


async def streamed_async():
    client = AsyncClient(**where)
    asking = asked(models.ResponseMode.STREAMING)
    stream = await client.achat_messages(asking)
    return "".join([getattr(event, "answer", "") async for event in stream])


try:
    client.upload_files(("a.txt", b"a", "text/plain"), models.UploadFileRequest(user=USER))
    upload = "taken"
except errors.DifyUnsupportedFileType as exc:
    upload = exc.code
told = {
    "answer": whole.answer,
    "streamed": "".join(getattr(event, "answer", "") for event in events),
    "asynchronous": asyncio.run(streamed_async()),
    "sources": len(events[-1].metadata.retriever_resources),
    "feedback": client.feedback_messages(whole.message_id, like).result,
    "stop": stop.result,
    "suggested": suggested.result,
    "upload": upload,
}
print(json.dumps(told))
