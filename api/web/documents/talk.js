// From a dataset to an app that answers from it: the one that is there, or a new one.

const SLUG_LENGTH = 50;

// A published app that answers from the dataset {id, name} and nothing else.
export async function chatWith(api, dataset) {
  const apps = await api.list("/v1/apps");
  for (const app of apps.filter(({ version }) => version !== null)) {
    const { dataset_ids: ids } = await api.get(`/v1/apps/${app.slug}/draft`);
    if (ids.length === 1 && ids[0] === dataset.id) return app;
  }
  return newApp(api, dataset, apps);
}

async function newApp(api, dataset, apps) {
  const slug = slugOf(dataset);
  const begun = apps.find((app) => app.slug === slug); // an earlier attempt broke off
  const app = begun ?? (await api.post("/v1/apps", { slug, name: dataset.name }));
  await api.put(`/v1/apps/${slug}/draft`, { dataset_ids: [dataset.id] });
  await api.post(`/v1/apps/${slug}/publish`);
  return app;
}

// Readable if the name is, and in any case the dataset's own.
function slugOf({ id, name }) {
  const words = partsOf(name).join("-").slice(0, SLUG_LENGTH);
  const tail = partsOf(id).join("").slice(-8);
  return partsOf(`${words} ${tail}`).join("-");
}

const partsOf = (text) =>
  text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]/g, " ").split(" ").filter(Boolean);
