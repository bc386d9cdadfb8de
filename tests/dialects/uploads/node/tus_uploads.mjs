// tus-js-client as its users call it: each way of sending, then what the server said at the end.
import { Readable } from "node:stream";
import { Upload } from "tus-js-client";

const { ENDPOINT, KEY, DATASET } = process.env;
const WORDS = "The tide comes in twice a day, and the moon rises over Ostrava at nine. ";
const bytes = (name) => Buffer.from(`# ${name}\n\n${WORDS.repeat(3000)}`);

function sent(name, source, options, began = () => {}) {
  return new Promise((resolve, reject) => {
    let answer;
    const upload = new Upload(source, {
      endpoint: ENDPOINT,
      headers: { authorization: `Bearer ${KEY}` },
      metadata: { dataset_id: DATASET, filename: `${name}.md` },
      retryDelays: null,
      onAfterResponse: (_, response) => { answer = response; },
      onError: reject,
      onSuccess: () => resolve(answer.getHeader("X-Document-Id")),
      ...options,
    });
    began(upload);
    upload.start();
  });
}

function aborted(name, source) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(source, {
      endpoint: ENDPOINT,
      headers: { authorization: `Bearer ${KEY}` },
      metadata: { dataset_id: DATASET, filename: `${name}.md` },
      chunkSize: 20_000,
      onError: reject,
      onChunkComplete: async () => {
        await upload.abort();
        resolve(upload.url);
      },
    });
    upload.start();
  });
}

const found = {};
found.plain = await sent("plain", bytes("plain"), {});
found.chunks = await sent("chunks", bytes("chunks"), { chunkSize: 50_000 });
found.creation = await sent("creation", bytes("creation"), { uploadDataDuringCreation: true });
found.deferred = await sent("deferred", Readable.from([bytes("deferred")]), {
  uploadLengthDeferred: true, chunkSize: 50_000,
});
found.parallel = await sent("parallel", bytes("parallel"), { parallelUploads: 4 });
const uploadUrl = await aborted("resumed", bytes("resumed"));
found.resumed = await sent("resumed", bytes("resumed"), { uploadUrl });
console.log(JSON.stringify(found));
