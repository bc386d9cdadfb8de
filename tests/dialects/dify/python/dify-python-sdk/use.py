"""dify-python-sdk: the chat part."""

import json
import os

from dify_client import ChatClient
from dify_client.exceptions import DifyClientError

QUESTION, USER = "When does the moon rise over Ostrava?", "sdk"
client = ChatClient(os.environ["DIFY_API_KEY"], base_url=os.environ["DIFY_BASE_URL"])

whole = client.create_chat_message({}, QUESTION, USER).json()
talk = whole["conversation_id"]
stream = client.create_chat_message({}, QUESTION, USER, "streaming", talk)
lines = [line for line in stream.iter_lines() if line]
events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
fixed = client.create_annotation("Who keeps the moon?", "Nobody.").json()
client.update_annotation(fixed["id"], "Who keeps the moon?", "Everybody.")
kept = client.create_chat_message({}, "who keeps the moon", "another").json()["answer"]
annotations = client.list_annotations(keyword="moon").json()["total"]
client.annotation_reply_action("enable", 0.9, "any", "any")
client.delete_annotation(fixed["id"])
try:
    client.file_upload(USER, {"file": ("a.txt", b"a", "text/plain")})
    upload = "taken"
except DifyClientError as exc:
    upload = type(exc).__name__
told = {
    "answer": whole["answer"],
    "streamed": "".join(event.get("answer", "") for event in events),
    "sources": len(events[-1]["metadata"]["retriever_resources"]),
    "feedback": client.message_feedback(whole["message_id"], "like", USER).json()["result"],
    "suggested": client.get_suggested(whole["message_id"], USER).json()["result"],
    "stop": client.stop_message(whole["task_id"], USER).json()["result"],
    "messages": len(client.get_conversation_messages(USER, talk).json()["data"]),
    "renamed": client.rename_conversation(talk, "Moon", False, USER).json()["name"],
    "variables": client.get_conversation_variables(talk, USER).json()["data"],
    "conversations": len(client.get_conversations(USER).json()["data"]),
    "info": client.get_app_info().json()["mode"],
    "site": client.get_app_site_info().json()["title"],
    "meta": client.get_meta(USER).json(),
    "deleted": client.delete_conversation(talk, USER).status_code,
    "upload": upload,
    "fixed": kept,
    "annotations": annotations,
}
print(json.dumps(told))
