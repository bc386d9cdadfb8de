"""dify-oapi2: typed requests; it adds `/v1` to the domain itself."""

import json
import os

from dify_oapi.api.chat.v1.model.chat_request import ChatRequest
from dify_oapi.api.chat.v1.model.chat_request_body import ChatRequestBody
from dify_oapi.api.chat.v1.model.get_conversations_request import GetConversationsRequest
from dify_oapi.api.chat.v1.model.get_suggested_questions_request import GetSuggestedQuestionsRequest
from dify_oapi.api.chat.v1.model.message_history_request import GetMessageHistoryRequest
from dify_oapi.client import Client
from dify_oapi.core.model.request_option import RequestOption

QUESTION, USER = "When does the moon rise over Ostrava?", "oapi"
client = Client.builder().domain(os.environ["DIFY_BASE_URL"].removesuffix("/v1")).build()
option = RequestOption.builder().api_key(os.environ["DIFY_API_KEY"]).build()


def asked(mode):
    body = ChatRequestBody.builder().query(QUESTION).inputs({}).user(USER).response_mode(mode)
    return ChatRequest.builder().request_body(body.build()).build()


chat = client.chat.v1
whole = chat.chat.chat(asked("blocking"), option, False)
pieces = b"\n".join(chat.chat.chat(asked("streaming"), option, True)).decode()
lines = [line for line in pieces.splitlines() if line.startswith("data: ")]
events = [json.loads(line[6:]) for line in lines]
history = GetMessageHistoryRequest.builder().conversation_id(whole.conversation_id).user(USER)
listed = GetConversationsRequest.builder().user(USER).limit(10).build()
next_ones = GetSuggestedQuestionsRequest.builder().message_id(whole.message_id).user(USER).build()
told = {
    "answer": whole.answer,
    "streamed": "".join(event.get("answer", "") for event in events),
    "sources": len(whole.metadata.retriever_resources),
    "messages": len(chat.message.history(history.build(), option).data),
    "conversations": len(chat.conversation.list(listed, option).data),
    "suggested": chat.chat.suggested(next_ones, option).result,
}
print(json.dumps(told))
