// From a knowledge base to an app that answers from it.

const SLUG_LENGTH = 50;

// A new app, not published yet, that answers from the dataset {id, name}.
export async function newAppFor(api, dataset) {
  const app = await newApp(api, dataset.name);
  await api.put(`/v1/apps/${app.slug}/draft`, { dataset_ids: [dataset.id] });
  return app;
}

// A new app under an address made of its name; a number is added where that one is taken.
export async function newApp(api, name) {
  const taken = new Set((await api.list("/v1/apps")).map(({ slug }) => slug));
  const wanted = slugOf(name);
  let slug = wanted;
  for (let n = 2; taken.has(slug); n += 1) slug = `${wanted}-${n}`;
  return api.post("/v1/apps", { slug, name });
}

const slugOf = (name) => partsOf(name).join("-").slice(0, SLUG_LENGTH) || "app";

const partsOf = (text) =>
  text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]/g, " ").split(" ").filter(Boolean);
