// The chat of an app on any website, by one line:
//   <script src="https://HOST/widget.js" data-app="APP" data-key="KEY" async></script>
// `data-color` is the button's colour, `data-label` its name. The chat itself runs in a frame of the server.

const script = document.currentScript ?? document.querySelector("script[data-app][data-key]");
const { app, key, color = "#0f6b62", label = "Chat" } = script.dataset;
const server = new URL(script.src).origin;

const frame = document.createElement("iframe");
frame.title = label;
frame.allow = "clipboard-write";
frame.hidden = true;

const button = document.createElement("button");
button.type = "button";
button.textContent = label;
button.setAttribute("aria-expanded", "false");
button.addEventListener("click", () => {
  if (!frame.src) frame.src = `${server}/chat/${encodeURIComponent(app)}#${key}`;
  frame.hidden = !frame.hidden;
  button.setAttribute("aria-expanded", String(!frame.hidden));
});

// A tree of its own, so that the website's styles and ours leave each other alone.
const host = document.createElement("div");
const style = new CSSStyleSheet();
style.replaceSync(`
  button { position: fixed; inset: auto 20px 20px auto; z-index: 2147483000; padding: 12px 20px; border: 0; border-radius: 24px;
    background: var(--color); color: #fff; font: 600 16px/1.3 system-ui, sans-serif; cursor: pointer; box-shadow: 0 4px 16px #0004; }
  iframe { position: fixed; inset: auto 20px 80px auto; z-index: 2147483000; width: min(400px, calc(100vw - 24px));
    height: min(640px, calc(100vh - 110px)); border: 0; border-radius: 16px; background: Canvas; box-shadow: 0 8px 32px #0005; }
  [hidden] { display: none; }`);
const root = host.attachShadow({ mode: "open" });
root.adoptedStyleSheets = [style];
host.style.setProperty("--color", color);
root.append(button, frame);
document.body.append(host);
