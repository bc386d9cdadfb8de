// The chat of an app on any website, by one line:
//   <script src="https://HOST/widget.js" data-app="APP" data-key="KEY" async></script>
// `data-label` is the button's text, `data-title` stands above the chat; `data-color` (#rrggbb) colours
// both, `data-theme` is light, dark or auto, `data-position` left or right. The chat runs in a frame of the server.

const script = document.currentScript ?? document.querySelector("script[data-app][data-key]");
const { app, key, color, theme, title, position = "right", label = "Chat" } = script.dataset;
const server = new URL(script.src).origin;
const look = new URLSearchParams(Object.entries({ color, theme, title }).filter(([, value]) => value));

const frame = document.createElement("iframe");
frame.title = title ?? label;
frame.allow = "clipboard-write";
frame.hidden = true;

const button = document.createElement("button");
button.type = "button";
button.textContent = label;
button.setAttribute("aria-expanded", "false");
button.addEventListener("click", () => {
  if (!frame.src) frame.src = `${server}/chat/${encodeURIComponent(app)}?${look}#${key}`;
  frame.hidden = !frame.hidden;
  button.setAttribute("aria-expanded", String(!frame.hidden));
});

// Black on a light colour, white on a dark one (relative luminance of sRGB, without its curve).
function onColor(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? "#000" : "#fff";
}

// A tree of its own, so that the website's styles and ours leave each other alone.
const host = document.createElement("div");
const style = new CSSStyleSheet();
const side = position === "left" ? "left: 20px" : "right: 20px";
style.replaceSync(`
  button { position: fixed; bottom: 20px; ${side}; z-index: 2147483000; padding: 12px 20px; border: 0; border-radius: 24px;
    background: var(--color); color: var(--text); font: 600 16px/1.3 system-ui, sans-serif; cursor: pointer; box-shadow: 0 4px 16px #0004; }
  iframe { position: fixed; bottom: 80px; ${side}; z-index: 2147483000; width: min(400px, calc(100vw - 24px));
    height: min(640px, calc(100vh - 110px)); border: 0; border-radius: 16px; background: Canvas; box-shadow: 0 8px 32px #0005; }
  [hidden] { display: none; }`);
const root = host.attachShadow({ mode: "open" });
root.adoptedStyleSheets = [style];
const shown = /^#[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]$/.test(color ?? "") ? color : "#0f6b62";
host.style.setProperty("--color", shown);
host.style.setProperty("--text", onColor(shown));
root.append(button, frame);
document.body.append(host);
