// What a user of the AI SDK writes on a server; prints what came back as JSON.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";

const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env;
const prompt = "When does the moon rise over Ostrava?";
const responses = createOpenAI({ baseURL, apiKey });
const compatible = createOpenAICompatible({ name: "citewell", baseURL, apiKey, includeUsage: true });

async function asked(model) {
  const whole = await generateText({ model, prompt, maxRetries: 0 });
  const stream = streamText({ model, prompt, maxRetries: 0 });
  let text = "";
  for await (const part of stream.textStream) text += part;
  return {
    whole: whole.text,
    stream: text,
    sources: whole.sources.map((each) => each.sourceType),
    usage: (await stream.usage).outputTokens,
  };
}

async function failure(model) {
  let said = null;
  const stream = streamText({ model, prompt, maxRetries: 0, onError: ({ error }) => (said = error) });
  await stream.consumeStream();
  return said && (said.statusCode ?? null, String(said.message ?? said));
}

const found = {};
for (const name of ["cite", "plain"]) {
  found[name] = {
    chat: await asked(compatible(name)),
    responses: await asked(responses(name)),
  };
}
found.unknown = await failure(compatible("nobody"));
found.cut = await failure(compatible("cut"));
console.log(JSON.stringify(found));
