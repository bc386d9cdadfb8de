"""Dify's own client for Python: `base_url` and the key are all that changes."""

import json
import os

from dify_client import ChatClient

QUESTION, USER = "When does the moon rise over Ostrava?", "pypi"
client = ChatClient(os.environ["DIFY_API_KEY"])
client.base_url = os.environ["DIFY_BASE_URL"]

whole = client.create_chat_message({}, QUESTION, USER).json()
talk = whole["conversation_id"]
stream = client.create_chat_message({}, QUESTION, USER, "streaming", talk)
lines = [line.decode() for line in stream.iter_lines() if line]
events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
feedback = client.message_feedback(whole["message_id"], "dislike", USER).json()
upload = client.file_upload(USER, {"file": ("a.txt", b"a", "text/plain")}).json()
told = {
    "answer": whole["answer"],
    "streamed": "".join(event.get("answer", "") for event in events),
    "sources": len(events[-1]["metadata"]["retriever_resources"]),
    "feedback": feedback["result"],
    "messages": len(client.get_conversation_messages(USER, talk).json()["data"]),
    "renamed": client.rename_conversation(talk, "Moon", USER).json()["name"],
    "conversations": len(client.get_conversations(USER).json()["data"]),
    "retriever": client.get_application_parameters(USER).json()["retriever_resource"]["enabled"],
    "upload": upload["code"],
}
print(json.dumps(told))
