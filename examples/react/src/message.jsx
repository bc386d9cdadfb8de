import { findAndReplace } from "mdast-util-find-and-replace";
import { createContext, useContext } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";

export function Message({ message, isOver, isWriting, onCitation, texts }) {
  const parts = (type) => message.parts.filter((part) => part.type === type);
  const written = parts("text");
  if (message.role === "user") {
    return <div className="question">{written.map((part) => part.text).join("\n")}</div>;
  }
  const citations = written.flatMap((part) => part.providerMetadata?.citewell?.citations ?? []);
  const grounded = parts("data-grounded")[0]?.data.grounded;
  return (
    <article data-status={isWriting ? "streaming" : "over"}>
      <div className="answer">
        {written.map((part, index) => (
          <Answer key={index} text={part.text} citations={citations} onCitation={onCitation} />
        ))}
      </div>
      {grounded === "weak" && <p className="note">{texts.weak}</p>}
      {isOver && !written.length && <p className="note">{texts.none}</p>}
      <div className="sources">
        {[...new Set(citations.map((each) => each.n))].sort((a, b) => a - b).map((n) => {
          const first = citations.find((each) => each.n === n);
          return (
            <button key={n} onClick={() => onCitation(first)}>
              {n} · {first.document_name} · {texts.page(first.page)}
            </button>
          );
        })}
      </div>
    </article>
  );
}

// The answer as Markdown. Its nth mark is that of the nth citation; until the text is whole there
// are no citations, and a mark only shows its number.
function Answer({ text, citations, onCitation }) {
  return (
    <Cited value={{ citations, onCitation }}>
      <Markdown remarkPlugins={PLUGINS} components={COMPONENTS}>{text}</Markdown>
    </Cited>
  );
}

const Cited = createContext(null);

function Link({ href = "", children }) {
  const { citations, onCitation } = useContext(Cited);
  const [, place, n] = href.match(/^#mark-(\d+)-(\d+)$/) ?? [];
  if (!href) return children; // an address that is not one of the web
  if (!n) return <a href={href} target="_blank" rel="noopener noreferrer">{children}</a>;
  const isOf = (each) => each?.n === Number(n);
  const at = isOf(citations[place]) ? citations[place] : citations.find(isOf);
  return <button className="mark" title={at?.document_name} disabled={!at} onClick={() => onCitation(at)}>{n}</button>;
}

const COMPONENTS = {
  a: Link,
  img: ({ alt }) => <span>{alt}</span>, // a picture would tell its server who reads
};

function marks() {
  return (tree) => {
    let place = 0;
    const link = (mark, n) => ({ type: "link", url: `#mark-${place++}-${n}`, children: [{ type: "text", value: mark }] });
    findAndReplace(tree, [/\[(\d+)\]/g, link], { ignore: ["link"] });
  };
}

const PLUGINS = [remarkGfm, marks];
