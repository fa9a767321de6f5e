/**
 * The page in a browser: it reads `/events` and draws what it hears. It is bundled by `deno task page`, and begins when it is
 * loaded.
 *
 *     Feed ── events ──▶ LiveStore ──▶ meshOf(): nodes, and links as both ends say
 *                            │                    ├──▶ layoutOf() ──▶ MapPainter: a canvas
 *                            └──▶ lists           └──▶ table, details
 *
 * @module
 */

/// <reference lib="dom" />
import { h, render } from "preact";
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
  render(h(App, { store, feed }), root);
}
feed.start();
setInterval(() => store.tick(), TICK_MS);
