// What a user of the openai package, and one of the AI SDK, writes to have vector stores searched.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ maxRetries: 0 });
const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = process.env;
const provider = createOpenAI({ baseURL, apiKey });
const question = "When does the comet pass over Opava?";
const include = ["file_search_call.results"];
const filters = { type: "gt", key: "year", value: 1950 };
const store = await client.vectorStores.create({ name: "comets of node" });

async function kept(words, year) {
  const content = await toFile(Buffer.from(words), "comet.md");
  const file = await client.files.create({ file: content, purpose: "assistants" });
  const member = { file_id: file.id, attributes: { year } };
  await client.vectorStores.files.createAndPoll(store.id, member, { pollIntervalMs: 50 });
  return file.id;
}

async function asked(model) {
  const tool = { type: "file_search", vector_store_ids: [store.id], filters };
  const response = await client.responses.create({ model, input: question, tools: [tool], include });
  const [call, message] = response.output;
  return {
    text: response.output_text,
    queries: call.queries,
    results: call.results.map((each) => [each.file_id, each.filename, each.text, each.attributes]),
    cited: message.content[0].annotations.map((each) => each.file_id),
  };
}

async function askedBySdk(model) {
  const how = {
    model: provider(model),
    prompt: question,
    maxRetries: 0,
    tools: {
      file_search: provider.tools.fileSearch({
        vectorStoreIds: [store.id],
        maxNumResults: 3,
        filters,
        ranking: { ranker: "auto", scoreThreshold: 0.1 },
      }),
    },
    providerOptions: { openai: { include } },
  };
  const whole = await generateText(how);
  const stream = streamText(how);
  await stream.consumeStream();
  return {
    whole: shown(whole.text, whole.toolResults, whole.sources),
    streamed: shown(await stream.text, await stream.toolResults, await stream.sources),
  };
}

function shown(text, [{ output }], sources) {
  return {
    text,
    queries: output.queries,
    results: output.results.map((each) => [each.fileId, each.filename, each.text, each.attributes]),
    cited: sources.map((each) => each.providerMetadata?.openai?.fileId),
  };
}

await kept("In the old year the comet passes over Opava at two.", 1910);
const found = { kept: await kept("In the new year the comet passes over Opava at six.", 1986) };
for (const [name, ask] of Object.entries({ openai: asked, ai_sdk: askedBySdk })) {
  found[name] = {};
  for (const app of ["cite", "plain"]) found[name][app] = await ask(app);
}
console.log(JSON.stringify(found));
