// What a user of the openai package for Node does with files and vector stores.
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ maxRetries: 0 });
const FAST = { pollIntervalMs: 50 };
const text = (name, words) => toFile(Buffer.from(words), name);

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return [error.status ?? null, error.code];
  }
  return null;
}

const kept = await client.files.create({
  file: await text("moon.md", "The moon rises over Ostrava."),
  purpose: "user_data",
});
const store = await client.vectorStores.create({ name: "of node" });
const file = await client.vectorStores.files.createAndPoll(
  store.id,
  { file_id: kept.id, attributes: { year: 2024 } },
  FAST,
);
const batch = await client.vectorStores.fileBatches.uploadAndPoll(
  store.id,
  { files: [await text("stars.md", "Stars are far.")] },
  FAST,
);
const results = await client.vectorStores.search(store.id, {
  query: "Where does the moon rise?",
  filters: { type: "eq", key: "year", value: 2024 },
});
const listed = [];
for await (const each of client.vectorStores.files.list(store.id, { limit: 1 })) listed.push(each);
const content = await (await client.files.content(kept.id)).text();
await client.files.delete(kept.id);
const best = results.data[0];
console.log(
  JSON.stringify({
    content,
    statuses: [file.status, batch.status],
    found: [best.filename, best.content[0].text, best.attributes],
    listed: listed.length,
    gone: await refused(() => client.vectorStores.files.retrieve(kept.id, { vector_store_id: store.id })),
  }),
);
