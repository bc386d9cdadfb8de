// The TypeScript SDK as agents use it, both release lines: what is offered, then each kind of call.
const V1 = ["@modelcontextprotocol/sdk/client/index.js", "@modelcontextprotocol/sdk/client/streamableHttp.js"];
const [clients, transports] = process.env.SDK === "1"
  ? await Promise.all(V1.map((name) => import(name)))
  : Array(2).fill(await import("@modelcontextprotocol/client"));

async function connected(key) {
  const client = new clients.Client({ name: "agent", version: "1" });
  const requestInit = { headers: { Authorization: `Bearer ${key}` } };
  await client.connect(new transports.StreamableHTTPClientTransport(new URL(process.env.URL), { requestInit }));
  return client;
}

const client = await connected(process.env.KEY);
const call = (name, args) => client.callTool({ name, arguments: args });
const found = {};
found.tools = (await client.listTools()).tools.map((tool) => tool.name).sort();
found.search = (await call("search", { query: "When does the moon rise over Ostrava?" })).structuredContent;
found.grep = (await call("grep", { pattern: "Ostrava", dataset_id: process.env.DATASET })).structuredContent;
found.ask = (await call("ask", { question: "When does the moon rise over Ostrava?", app: "plain" })).structuredContent;
found.refused = await call("read", { document_id: "doc_none" });
const { resources } = await client.listResources();
found.resource = (await client.readResource({ uri: resources[0].uri })).contents[0].text;
await client.close();
found.wrong_key = await connected("wrong").then(() => "no error", (error) => String(error));
console.log(JSON.stringify(found));
