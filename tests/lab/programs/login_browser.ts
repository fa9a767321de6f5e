/**
 * A person with a browser: opens a page, types a token into its form, and tells what is there then, as JSON.
 *
 *     deno run -A login_browser.ts URL < TOKEN
 *
 * @module
 */

const STEP_MS = 100;
const BOUND_MS = 30_000;

const [url = ""] = Deno.args;
const token = (await new Response(Deno.stdin.readable).text()).trim();
const profile = await Deno.makeTempDir({ prefix: "weft-browser-" });
const browser = new Deno.Command("chromium", {
  args: [
    ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`],
    ...["--remote-debugging-port=0", "about:blank"],
  ],
  stderr: "piped",
}).spawn();

try {
  const port = await debuggingPort();
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const page = targets.find(({ type }: { readonly type: string }) => type === "page");
  const socket = new WebSocket(page.webSocketDebuggerUrl);
  await new Promise((resolve) => socket.onopen = resolve);
  const send = sender(socket);
  await send("Page.enable");
  await send("Page.navigate", { url });
  const evaluate = async (expression: string): Promise<unknown> =>
    (await send("Runtime.evaluate", { expression })).result?.value;
  const until = async (expression: string): Promise<void> => {
    const startedAt = performance.now();
    while (await evaluate(expression) !== true) {
      if (performance.now() - startedAt > BOUND_MS) throw new Error(`never: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  };
  const type = (text: string) => `document.querySelector("#token").value = ${JSON.stringify(text)}`;
  const submit = 'document.querySelector("button").click()';
  await until('document.querySelector("#token") !== null');
  await evaluate(`${type("not-the-token-not-the-token")}; ${submit}`);
  await until(`document.querySelector('[role="alert"]') !== null`);
  await evaluate(`${type(token)}; ${submit}`);
  // The page names the node once it has its events.
  await until('document.title.endsWith(" · weft")');
  const said = {
    title: await evaluate("document.title"),
    url: await evaluate("location.href"),
    cookies: await evaluate("document.cookie"),
  };
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(said)));
  socket.close();
} finally {
  browser.kill("SIGKILL");
  await browser.status;
  await Deno.remove(profile, { recursive: true }).catch(() => {});
}
Deno.exit(0);

async function debuggingPort(): Promise<string> {
  let text = "";
  for await (const chunk of browser.stderr.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text)?.[1];
    if (port !== undefined) return port;
  }
  throw new Error(`the browser has ended: ${text}`);
}

type Answer = { readonly result?: { readonly value?: unknown } };

function sender(socket: WebSocket): (method: string, params?: object) => Promise<Answer> {
  const waiting = new Map<number, (answer: Answer) => void>();
  let number = 0;
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(data);
    waiting.get(id)?.(result);
    waiting.delete(id);
  };
  return (method, params = {}) =>
    new Promise((resolve) => {
      const id = ++number;
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
}
