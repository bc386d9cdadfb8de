// What a user of the openai package for Node writes; prints what came back as JSON.
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const messages = [{ role: "user", content: "When does the moon rise over Ostrava?" }];

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return [error.status ?? null, error.code];
  }
  return null;
}

async function streamed(model) {
  let text = "";
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
}

async function asked(model) {
  const whole = await client.chat.completions.create({ model, messages });
  const response = await client.responses.create({ model, input: messages });
  return {
    whole: whole.choices[0].message.content,
    cited: (whole.choices[0].message.annotations ?? []).map((each) => each.url_citation.title),
    stream: await streamed(model),
    response: response.output_text,
    usage: whole.usage.completion_tokens,
  };
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const vector = await client.embeddings.create({ model: "hash", input: "one" });
const wrong = new OpenAI({ apiKey: "wrong", maxRetries: 0 });
console.log(
  JSON.stringify({
    models,
    cite: await asked("cite"),
    plain: await asked("plain"),
    dimensions: vector.data[0].embedding.length,
    unknown: await refused(() => streamed("nobody")),
    wrong_key: await refused(() => wrong.models.list()),
    cut: await refused(() => streamed("cut")),
  }),
);
