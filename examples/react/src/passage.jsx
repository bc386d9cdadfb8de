import { useEffect, useRef, useState } from "react";

import { sentence } from "./texts.js";

// The document at the quotation.
export function Passage({ server, cited, onClose, texts }) {
  const [shown, setShown] = useState(["…"]);
  const dialog = useRef(null);
  const quoted = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
    server.passage(cited.message, cited.n).then(
      (passage) => setShown(around(passage, cited)),
      (error) => setShown([sentence(error, texts)]),
    );
  }, []);
  useEffect(() => {
    quoted.current?.scrollIntoView({ block: "center" });
  }, [shown]);

  const [before, quote, after] = shown;
  return (
    <dialog id="passage" ref={dialog} onClose={onClose}>
      <header>
        <h1>{cited.document_name} · {texts.page(cited.page)}</h1>
        <button autoFocus onClick={() => dialog.current.close()}>{texts.close}</button>
      </header>
      <p>{before}{quote && <mark ref={quoted}>{quote}</mark>}{after}</p>
    </dialog>
  );
}

function around({ before, text, after, start }, { start: from, quote }) {
  const all = before + text + after;
  const exact = before.length + [...text].slice(0, from - start).join("").length; // not UTF-16 units
  const at = all.startsWith(quote, exact) ? exact : all.indexOf(quote);
  return at < 0 ? [all] : [all.slice(0, at), quote, all.slice(at + quote.length)];
}
