// Dify's own client for Node, as its readme shows it: the base URL and the key are all that changes.
import { ChatClient } from "dify-client";

const { DIFY_BASE_URL, DIFY_API_KEY } = process.env;
const client = new ChatClient(DIFY_API_KEY, DIFY_BASE_URL);
const question = "When does the moon rise over Ostrava?";
const user = "npm";

const whole = (await client.createChatMessage({}, question, user)).data;
const stream = (await client.createChatMessage({}, question, user, true, whole.conversation_id)).data;
let text = "";
for await (const piece of stream) text += piece;
const events = text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => JSON.parse(line.slice(6)));
const feedback = (await client.messageFeedback(whole.message_id, "like", user)).data;
const messages = (await client.getConversationMessages(user, whole.conversation_id)).data;
const renamed = (await client.renameConversation(whole.conversation_id, "Moon", user, false)).data;
const conversations = (await client.getConversations(user)).data;
const parameters = (await client.getApplicationParameters(user)).data;
await client.deleteConversation(whole.conversation_id, user);
const left = (await client.getConversations(user)).data;
const refused = await client.fileUpload({}).catch((error) => error.response.data);

console.log(JSON.stringify({
  answer: whole.answer,
  streamed: events.map((event) => event.answer ?? "").join(""),
  sources: events.at(-1).metadata.retriever_resources.length,
  feedback: feedback.result,
  messages: messages.data.length,
  renamed: renamed.name,
  conversations: conversations.data.length,
  left: left.data.length,
  retriever: parameters.retriever_resource.enabled,
  upload: refused.code,
}));
