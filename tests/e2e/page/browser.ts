/**
 * A headless Chromium, and pages in it that write down what they should not do.
 * @module
 */

import { type Browser, chromium, type Page } from "playwright-core";

const OPTIONS = [
  ..."--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update".split(
    " ",
  ),
  ..."--disable-sync --disable-background-networking".split(" "),
];

/** What a page is opened with. */
export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colours?: "light" | "dark";
}

/** A page, and what it has asked and said. */
export interface WatchedPage {
  readonly page: Page;
  /** The paths of its requests. */
  readonly requests: string[];
  /** Errors and warnings of its console, uncaught errors, violations of its policy, requests to other hosts. */
  readonly faults: string[];
}

/** One browser for several tests of a file. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Starts it. */
  static async start(): Promise<TestBrowser> {
    const executablePath = "/usr/bin/chromium";
    return new TestBrowser(await chromium.launch({ executablePath, args: OPTIONS }));
  }

  /** Opens the page of an agent, and waits until it is live. */
  async open(
    port: number,
    { width = 1280, height = 900, colours = "light" }: PageOptions = {},
  ): Promise<WatchedPage> {
    const page = await this.#browser.newPage({ viewport: { width, height }, colorScheme: colours });
    const [requests, faults]: [string[], string[]] = [[], []];
    const origin = `http://127.0.0.1:${port}`;
    page.on("console", (message) => {
      // That a connection was lost, a browser says by itself.
      const isLost =
        /net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/.test(
          message.text(),
        );
      if (!isLost && message.type() !== "log") faults.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol === "data:") return;
      if (url.origin !== origin) faults.push(`asked another host: ${url}`);
      requests.push(url.pathname);
    });
    await page.goto(origin);
    await page.getByText("Live", { exact: true }).waitFor();
    return { page, requests, faults };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
