/**
 * A page of a browser, for the tests of members that run in one.
 * @module
 */

import { waitFor } from "../../lab/mod.ts";

/** How long anything may take, in milliseconds. */
export const BOUND_MS = 30_000;

/** A page of a real browser, told what to do by the browser's own protocol. */
export class Page implements AsyncDisposable {
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
