// A page that uploads with Uppy's form: one request a file, or all in one.
import Uppy from "@uppy/core";
import XHRUpload from "@uppy/xhr-upload";

export async function upload(endpoint, key, bundle) {
  const uppy = new Uppy().use(XHRUpload, {
    endpoint, bundle, fieldName: bundle ? "files[]" : "file", headers: { authorization: `Bearer ${key}` },
  });
  for (const name of ["tide.md", "月亮.md"]) {
    const data = new Blob([`# ${name}\n\nThe moon rises over Ostrava at nine.`], { type: "text/markdown" });
    uppy.addFile({ name: bundle ? `bundle/${name}` : name, type: "text/markdown", data });
  }
  const { successful, failed } = await uppy.upload();
  return {
    failed: failed.map((file) => String(file.error)),
    accepted: successful.map((file) => file.response.body.accepted.map((document) => document.name)),
  };
}
