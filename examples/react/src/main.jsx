import { generateId } from "ai";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { Chat } from "./chat.jsx";
import { connect } from "./citewell.js";
import "./style.css";
import { TEXTS, sentence } from "./texts.js";

const ours = navigator.language.startsWith("zh") ? "zh" : "en";

function Page() {
  const [language, setLanguage] = useState(localStorage.language ?? ours);
  const [loaded, setLoaded] = useState({});
  const texts = TEXTS[language];

  useEffect(() => {
    load().then(setLoaded, (error) => setLoaded({ error }));
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
    localStorage.language = language;
  }, [language]);

  const startAnew = () => {
    const chat = (sessionStorage.chat = generateId());
    setLoaded((before) => ({ ...before, chat, messages: [] }));
  };
  const { app, error } = loaded;
  return (
    <>
      <header>
        <h1>{app?.name ?? "Citewell"}</h1>
        <button id="language" onClick={() => setLanguage(language === "en" ? "zh" : "en")}>{texts.other}</button>
        <button id="new" onClick={startAnew} disabled={!app}>{texts.fresh}</button>
      </header>
      {error && <p className="opening error">{sentence(error, texts)}</p>}
      {app && <Chat key={loaded.chat} {...loaded} texts={texts} />}
    </>
  );
}

// The app and what was said before; `useChat` then finds the answer in progress.
async function load() {
  const server = await connect();
  const app = await server.app();
  const chat = (sessionStorage.chat ??= generateId());
  const messages = await server.messages(chat);
  document.title = app.name;
  return { server, app, chat, messages };
}

createRoot(document.getElementById("root")).render(<Page />);
