// One multipart request with files. XMLHttpRequest, because fetch does not tell how much was sent.

import { Problem } from "../shared/api.js";
import { t, told } from "../shared/words.js";

const FILES = 200;
const BYTES = 256 * 1024 * 1024;

// Cuts a selection [{path, file}] into requests that a server takes and a cut connection spares.
export function portions(files) {
  const result = [];
  let bytes = 0;
  for (const one of files) {
    const last = result.at(-1);
    if (last && last.length < FILES && bytes + one.file.size <= BYTES) {
      last.push(one);
      bytes += one.file.size;
    } else {
      result.push([one]);
      bytes = one.file.size;
    }
  }
  return result;
}

// Sends files to a dataset; `onSent(share)` follows the bytes. Returns the server's acceptance; if
// all files were rejected, raises Problem with the reasons.
export function upload(api, datasetId, files, onSent) {
  const form = new FormData();
  for (const { path, file } of files) form.append("files", file, path);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/datasets/${encodeURIComponent(datasetId)}/documents`);
    for (const [name, value] of Object.entries(api.headers("POST"))) {
      request.setRequestHeader(name, value);
    }
    request.upload.addEventListener("progress", ({ loaded, total }) => onSent(loaded / total));
    request.addEventListener("error", () => reject(new TypeError("network")));
    request.addEventListener("load", () => {
      const body = parsed(request.responseText);
      if (request.status < 300) resolve(body);
      else if (request.status === 401) resolve(api.refused(request, () => upload(api, datasetId, files, onSent)));
      else reject(new Problem(request.status, body.code, reasonOf(request.status, body)));
    });
    request.send(form);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // a proxy's own page
  }
}

function reasonOf(status, { detail, rejected }) {
  const reasons = (rejected ?? []).map((one) => `${one.name}: ${[...new Set([told(one), one.detail])].join(" ")}`);
  return reasons.length > 0 ? reasons.join("\n") : detail ?? t("The server answered {status}.", { status });
}
