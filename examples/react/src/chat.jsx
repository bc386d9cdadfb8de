import { useChat } from "@ai-sdk/react";
import { useEffect, useRef, useState } from "react";

import { Message } from "./message.jsx";
import { Passage } from "./passage.jsx";
import { sentence } from "./texts.js";

const NONE = [];

export function Chat({ server, app, chat, messages: before, texts }) {
  const talk = useChat({ id: chat, messages: before, transport: server.transport, resume: true });
  const { messages, sendMessage, regenerate, status, error } = talk;
  const isCut = useReconnection(server, chat, talk);
  const [cited, setCited] = useState(null);
  const followUps = useFollowUps(server, messages, status);
  const end = useRef(null);
  useEffect(() => {
    end.current.scrollIntoView({ block: "end" });
  }, [messages, status, followUps]);

  const isBusy = status === "submitted" || status === "streaming" || isCut;
  const ask = (text) => !isBusy && sendMessage({ text });
  const suggested = messages.length ? followUps : app.suggested_questions;
  return (
    <>
      <main role="log">
        <p className="opening">{app.opening}</p>
        {messages.map((message, index) => (
          <Message
            key={message.id}
            message={message}
            isOver={index < messages.length - 1 || status === "ready"}
            isWriting={isBusy && index === messages.length - 1}
            onCitation={(citation) => setCited({ message: message.id, ...citation })}
            texts={texts}
          />
        ))}
        {status === "submitted" && <p className="note">{texts.waiting}</p>}
        {isCut && <p className="note">{texts.cut}</p>}
        {error && !isCut && (
          <>
            <p className="error">{sentence(error, texts)}</p>
            <button onClick={() => regenerate()}>{texts.again}</button>
          </>
        )}
        <div className="next">
          {suggested.map((each) => <button key={each} onClick={() => ask(each)}>{each}</button>)}
        </div>
        <div ref={end} />
      </main>
      <Composer isBusy={isBusy} onAsk={ask} onStop={() => server.stop(chat)} texts={texts} />
      {cited && <Passage server={server} cited={cited} onClose={() => setCited(null)} texts={texts} />}
    </>
  );
}

function Composer({ isBusy, onAsk, onStop, texts }) {
  const [text, setText] = useState("");
  const send = (event) => {
    event.preventDefault();
    if (!text.trim() || isBusy) return;
    onAsk(text.trim());
    setText("");
  };
  const sendAtEnter = (event) => {
    const isChoosing = event.nativeEvent.isComposing; // Enter chooses in an input method
    if (event.key === "Enter" && !event.shiftKey && !isChoosing) send(event);
  };
  return (
    <form onSubmit={send}>
      <textarea
        id="question"
        rows={1}
        maxLength={32000}
        placeholder={texts.ask}
        aria-label={texts.ask}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={sendAtEnter}
      />
      {isBusy
        ? <button id="stop" type="button" onClick={onStop}>{texts.stop}</button>
        : <button id="send">{texts.send}</button>}
    </form>
  );
}

// A connection that breaks within an answer: what is kept, and then the answer in progress.
function useReconnection(server, chat, { messages, setMessages, resumeStream, error }) {
  const [attempt, setAttempt] = useState(0);
  const isCut = error instanceof TypeError && messages.at(-1)?.role === "assistant";
  useEffect(() => {
    if (!isCut) return undefined;
    const timer = setTimeout(async () => {
      try {
        setMessages(await server.messages(chat));
        await resumeStream();
      } catch {
        setAttempt(attempt + 1);
      }
    }, 1000);
    return () => clearTimeout(timer);
  }, [isCut, attempt]);
  return isCut;
}

// What may be asked next, once an answer is whole.
function useFollowUps(server, messages, status) {
  const [found, setFound] = useState({ data: NONE });
  const last = messages.at(-1);
  const id = status === "ready" && last?.role === "assistant" ? last.id : null;
  useEffect(() => {
    if (id) server.followUps(id).then((data) => setFound({ id, data }), () => {});
  }, [id]);
  return found.id === id ? found.data : NONE;
}
