// The files that a person has chosen or dropped, as [{path, file}]: folders give relative paths.

export function pickedFiles(list) {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

// Everything under what was dropped. The items must be read before the first await: the browser
// empties the drop afterwards. What is dropped from another program may be a file without an entry.
export async function droppedFiles(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const dropped = items.map((item) => [item.webkitGetAsEntry(), item.getAsFile()]);
  const found = [];
  for (const [entry, file] of dropped) {
    if (entry !== null) await collect(entry, found);
    else if (file !== null) found.push({ path: file.name, file });
  }
  return found;
}

async function collect(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return; // a reader gives at most 100 entries at a time
    for (const inner of some) await collect(inner, found);
  }
}
