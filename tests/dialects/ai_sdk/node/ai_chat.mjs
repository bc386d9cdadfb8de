// What a page does with the AI SDK, without a browser: AI names the package, STEPS what is done.
const { AbstractChat, DefaultChatTransport, convertToModelMessages, validateUIMessages } =
  await import(process.env.AI);

const steps = JSON.parse(process.env.STEPS);
const headers = { Authorization: `Bearer ${process.env.KEY}` };
if (process.env.ORIGIN) headers.Origin = process.env.ORIGIN;
const api = process.env.API;

class State {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => {
    this.messages = this.messages.with(index, structuredClone(message));
  };
  snapshot = (value) => structuredClone(value);
}

class Chat extends AbstractChat {
  constructor(id, messages = []) {
    const state = new State();
    state.messages = messages;
    super({
      id,
      state,
      transport: new DefaultChatTransport({ api, headers }),
      onData: (part) => told.push(part),
      onError: () => {},
    });
  }
}

const told = [];
const shown = [];
let chat = new Chat(steps.id);
const grown = (count) => new Promise((resolve) => {
  const look = () => {
    const last = chat.messages.at(-1);
    const text = last?.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
    if (last?.role === "assistant" && text.length >= count) resolve();
    else setTimeout(look, 5);
  };
  look();
});

for (const [what, value, more] of steps.do) {
  if (what === "ask") await chat.sendMessage({ text: value });
  if (what === "edit") {
    const users = chat.messages.filter((message) => message.role === "user");
    await chat.sendMessage({ text: value, messageId: users[more].id });
  }
  if (what === "regenerate") await chat.regenerate();
  if (what === "leave") {
    const asking = chat.sendMessage({ text: value });
    await grown(more);
    await chat.stop();
    await asking;
    shown.push(chat.messages);
  }
  if (what === "reload") chat = new Chat(steps.id, value === "asked" ? chat.messages.slice(0, -1) : []);
  if (what === "return") {
    const answer = await fetch(`${api}/${steps.id}`, { headers });
    const messages = await validateUIMessages({ messages: (await answer.json()).messages });
    shown.push(messages, await convertToModelMessages(messages));
    chat = new Chat(steps.id, messages);
  }
  if (what === "resume") await chat.resumeStream();
  if (what === "stop") {
    const asking = chat.sendMessage({ text: value });
    await grown(more);
    const answer = await fetch(`${api}/${steps.id}/stop`, { method: "POST", headers });
    shown.push(answer.status);
    await asking;
  }
}
console.log(JSON.stringify({
  messages: chat.messages, status: chat.status, error: chat.error?.message, told, shown,
}));
