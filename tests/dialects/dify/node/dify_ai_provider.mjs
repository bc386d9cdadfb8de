// The AI SDK's model over Dify: text, sources and errors reach `streamText`.
import { streamText, generateText } from "ai";
import { createDifyProvider } from "dify-ai-provider";

const { DIFY_BASE_URL, DIFY_API_KEY } = process.env;
const dify = createDifyProvider({ baseURL: DIFY_BASE_URL });
const model = (mode) => dify("app", { apiKey: DIFY_API_KEY, responseMode: mode });
const prompt = "When does the moon rise over Ostrava?";
const headers = { "user-id": "provider" };

const stream = streamText({ model: model("streaming"), prompt, headers });
let streamed = "";
for await (const piece of stream.textStream) streamed += piece;
const whole = await generateText({ model: model("blocking"), prompt, headers });
const wrong = dify("app", { apiKey: "wrong", responseMode: "blocking" });
const refused = await generateText({ model: wrong, prompt, headers, maxRetries: 0 }).catch((error) => error);

console.log(JSON.stringify({
  answer: whole.text,
  streamed,
  sources: (await stream.sources).length,
  tokens: (await stream.usage).totalTokens,
  refused: refused.statusCode,
}));
