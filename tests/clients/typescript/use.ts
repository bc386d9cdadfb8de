// A chat, a search and a draft, written against the types that openapi-typescript makes.

import type { components, paths } from "./schema";

type Schemas = components["schemas"];
type Answer<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

declare function send<Body>(method: string, path: string, body: unknown): Promise<Body>;
declare function stream(path: string, body: Schemas["ChatBody"]): AsyncIterable<Schemas["RunEvents"]>;

export async function chat(query: string): Promise<string> {
  let text = "";
  for await (const event of stream("/v1/apps/shop/chat", { query, route: "auto", stream: true })) {
    switch (event.event) {
      case "retrieval":
        console.log(event.data.sources.map((source) => `${source.n} ${source.document_name}`));
        break;
      case "delta":
        text += event.data.text;
        break;
      case "run.completed":
        return event.data.citations.length > 0 ? event.data.answer : text;
      case "run.failed":
        throw new Error(event.data.error.detail);
    }
  }
  return text;
}

export async function search(query: string): Promise<[string, number][]> {
  const body: Partial<Schemas["SearchBody"]> & { query: string } = { query, top_k: 3 };
  type Found = Answer<"/v1/datasets/{dataset_id}/search", "post">;
  const found = await send<Found>("POST", "/v1/datasets/ds/search", body);
  return found.hits.map((hit) => [hit.text, hit.score]);
}

export async function draft(): Promise<string | null> {
  type Draft = Answer<"/v1/apps/{app}/draft", "get">;
  const read = await send<Draft>("GET", "/v1/apps/shop/draft", null);
  const warning: string | undefined = read.warnings?.[0]?.detail;
  // @ts-expect-error A field that no draft has is an error, so the types say something.
  console.log(warning, read.promt);
  return read.tuned?.model ?? read.base.model;
}
