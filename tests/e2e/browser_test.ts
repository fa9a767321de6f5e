import assert from "node:assert/strict";
import { servePage } from "../../examples/browser/serve.ts";
import { Node, OverlayBootstrap } from "../../mod.ts";
import { freeTcpPort } from "../../lib/transport/mod.ts";
import { labTest, waitFor } from "../lab/mod.ts";

const BOUND_MS = 30_000;

labTest(
  "a page in a browser joins by a token, calls a service of another node, leaves, and is missed when it is closed",
  ["chromium"],
  async () => {
    await using resources = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "weft-browser-" });
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const port = freeTcpPort();
    const leader = await OverlayBootstrap.initLeader({
      ...{ name: "leader", stateDir: `${folder}/leader`, rootless: true, discovery: false },
      ...{ port, endpoints: `127.0.0.1:${port}` },
    });
    resources.defer(() => leader.stop());
    await leader.start();
    const adder = resources.use(
      await Node.join(leader.joinToken(), { name: "adder", stateDir: `${folder}/adder` }),
    );
    await adder.addService({
      path: "math",
      actions: {
        add: ({ a, b }: { a: number; b: number }) => a + b,
        // Long enough to be compressed.
        digits: ({ count }: { count: number }) => "7".repeat(count),
      },
    });
    const server = await servePage(0);
    resources.defer(() => server.shutdown());
    const page = resources.use(await Page.open(`http://127.0.0.1:${server.addr.port}/`, `${folder}/profile`));

    await page.submit("join", { token: "weft-token" });
    await page.waitForText("state", /^Cannot use that token: /);

    await page.submit("join", { token: leader.joinToken(), name: "page" });
    await page.waitForText("state", /^joined as page: .*leader \(direct at 127\.0\.0\.1:\d+/);
    await page.submit("call", { path: "math/add", params: '{ "a": 20, "b": 22 }' });
    await page.waitForText("answer", /^42$/);
    await page.submit("call", { path: "math/digits", params: '{ "count": 200000 }' });
    await page.waitForText("answer", /^"7{200000}"$/);
    await page.submit("call", { path: "math/divide", params: "{}" });
    await page.waitForText("answer", /divide/);

    await page.evaluate(`document.getElementById("leave").click()`);
    await page.waitForText("state", /^not joined$/);
    await waitFor(() => !leader.control.status().peers.some(({ name }) => name === "page"), BOUND_MS, {
      what: "the leader has heard that the page left",
    });
    assert.equal(await adder.request<number>("math/add", { a: 1, b: 2 }), 3);

    // Closed without a word.
    await page.submit("join", { token: leader.joinToken(), name: "closed" });
    await page.waitForText("state", /^joined as closed: .*leader/);
    const seen = () => leader.control.status().peers.find(({ name }) => name === "closed");
    assert.equal(seen()?.channel, "open");
    await page.close();
    await waitFor(() => seen()?.healthy === false && seen()?.channel !== "open", BOUND_MS, {
      what: "the leader has seen that it is gone",
    });
  },
);

/** A page of a real browser, told what to do by the browser's own protocol. */
class Page implements AsyncDisposable {
  readonly #browser: Deno.ChildProcess;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (value: unknown) => void>();

  private constructor(browser: Deno.ChildProcess, socket: WebSocket) {
    this.#browser = browser;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result } = JSON.parse(data);
      this.#waiting.get(id)?.(result?.result?.value);
    });
  }

  static async open(url: string, profile: string): Promise<Page> {
    const browser = new Deno.Command("chromium", {
      args: [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"],
        ...[`--user-data-dir=${profile}`, url],
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const debuggerUrl = await waitFor(
      async () => {
        const [port] = (await Deno.readTextFile(`${profile}/DevToolsActivePort`)).split("\n");
        const targets: { url: string; webSocketDebuggerUrl: string }[] =
          await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
        return targets.find((target) => target.url === url)?.webSocketDebuggerUrl;
      },
      BOUND_MS,
      { what: "the browser has opened the page" },
    );
    const socket = new WebSocket(debuggerUrl);
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const page = new Page(browser, socket);
    await waitFor(
      () => page.evaluate(`location.href === ${JSON.stringify(url)} && document.readyState === "complete"`),
      BOUND_MS,
      {
        what: "the page is loaded",
      },
    );
    return page;
  }

  evaluate(expression: string): Promise<unknown> {
    const id = this.#waiting.size + 1;
    this.#socket.send(JSON.stringify({ id, method: "Runtime.evaluate", params: { expression } }));
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Closes the tab, as its user does. */
  async close(): Promise<void> {
    const { host, pathname } = new URL(this.#socket.url);
    await (await fetch(`http://${host}/json/close/${pathname.split("/").at(-1)}`)).body?.cancel();
  }

  /** Fills a form's fields in, and submits it. */
  async submit(form: string, fields: Readonly<Record<string, string>>): Promise<void> {
    await this.evaluate(`{
      const form = document.getElementById("${form}");
      for (const [name, value] of Object.entries(${
      JSON.stringify(fields)
    })) form.elements[name].value = value;
      form.requestSubmit();
    }`);
  }

  async waitForText(id: string, pattern: RegExp): Promise<void> {
    let text: unknown;
    const matches = async () => {
      text = await this.evaluate(`document.getElementById("${id}").textContent`);
      return typeof text === "string" && pattern.test(text);
    };
    await waitFor(matches, BOUND_MS, { what: `#${id} matches ${pattern}` }).catch((cause) => {
      throw new Error(`#${id} says ${JSON.stringify(text)}`, { cause });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    this.#browser.kill("SIGTERM");
    await this.#browser.status;
  }
}
