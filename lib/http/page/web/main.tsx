/**
 * Where the page begins in a browser.
 * @module
 */

/// <reference lib="dom" />
import { render } from "preact";
import { App } from "./app.tsx";
import { Feed } from "./feed.ts";
import { LiveStore } from "./live_store.ts";

const TICK_MS = 1_000;

const store = new LiveStore();
const feed = new Feed({
  handleEvent: (event) => store.handleEvent(event),
  handleConnection: (connection) => store.handleConnection(connection),
});
const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  render(<App store={store} feed={feed} />, root);
}
feed.start();
setInterval(() => store.tick(), TICK_MS);
