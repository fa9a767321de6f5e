/**
 * The page at `/`: one document without any other resource, which asks `/status` and draws what it hears.
 * @module
 */

import type { Context } from "hono";
import { PAGE_SCRIPT } from "./page_script.ts";
import { PAGE_STYLE } from "./page_style.ts";

const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M4 12V8a4 4 0 0 1 8 0v4M4 4v2m8-2v2" ' +
    'fill="none" stroke="#3a7d74" stroke-width="2" stroke-linecap="round"/></svg>',
);

/** What is between `<body>` and the script; it says what it is before any script has run. */
const PAGE_BODY: string = `<a class="skip" href="#peers-region">Skip to the list of peers</a>
<header>
  <h1><span class="mark" aria-hidden="true"></span>weft <span id="node-name"></span></h1>
  <p id="live" role="status">Asking the agent…</p>
</header>
<main>
  <noscript><p class="card">This page needs JavaScript; <a href="/status">/status</a> is the same as JSON.</p></noscript>
  <section class="facts" aria-label="This node">
    <dl id="facts"></dl>
  </section>
  <section class="card" aria-labelledby="mesh-title">
    <div class="card-head"><h2 id="mesh-title">Mesh</h2><p id="mesh-summary" class="quiet"></p></div>
    <svg id="mesh" viewBox="0 0 760 400" role="img" aria-labelledby="mesh-title mesh-summary"></svg>
    <p class="legend quiet" aria-hidden="true">
      <span><span class="key key-open"></span>channel open</span>
      <span><span class="key key-session"></span>handshake only</span>
      <span><span class="key key-none"></span>not reached</span>
    </p>
  </section>
  <section class="card" aria-labelledby="peers-title">
    <div class="card-head"><h2 id="peers-title">Peers</h2>
      <div class="traffic"><svg id="past" viewBox="0 0 120 22" aria-hidden="true"></svg><p id="rates" class="quiet"></p></div></div>
    <div id="peers-region" class="scroll" tabindex="0" role="group" aria-label="Table of peers">
      <table id="peers" role="table" aria-labelledby="peers-title">
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Health</th>
          <th role="columnheader" scope="col">Addresses</th><th role="columnheader" scope="col">Endpoint</th>
          <th role="columnheader" scope="col" class="number">Round trip</th>
          <th role="columnheader" scope="col" class="number">Handshake</th>
          <th role="columnheader" scope="col" class="number">Received</th>
          <th role="columnheader" scope="col" class="number">Sent</th>
        </tr></thead>
        <tbody role="rowgroup"></tbody>
      </table>
    </div>
    <p id="alone" class="quiet" hidden>Nobody else is here yet. <code>weft token create</code> on the leader invites them.</p>
  </section>
  <section class="card" aria-labelledby="services-title">
    <div class="card-head"><h2 id="services-title">Services</h2><p id="services-summary" class="quiet"></p></div>
    <div id="services-region" class="scroll" tabindex="0" role="group" aria-label="Table of services">
      <table id="services" role="table" aria-labelledby="services-title" hidden>
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col">Path</th><th role="columnheader" scope="col">Offered by</th>
          <th role="columnheader" scope="col">Actions</th>
        </tr></thead>
        <tbody role="rowgroup"></tbody>
      </table>
    </div>
    <p id="services-none" class="quiet">No program of the network offers a service.</p>
  </section>
  <section class="card" aria-labelledby="drops-title">
    <h2 id="drops-title">Dropped</h2>
    <p id="drops-none" class="quiet">Nothing was dropped.</p>
    <ul id="drops"></ul>
  </section>
</main>
<footer class="quiet"><a href="/status">/status</a> <a href="/services">/services</a> <a href="/metrics">/metrics</a> <a href="/openapi.json">/openapi.json</a> <span id="version"></span></footer>`;

/** The whole document. */
export const PAGE_HTML: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>weft</title>
<link rel="icon" href="${ICON}">
<style>${PAGE_STYLE}</style>
</head>
<body>
${PAGE_BODY}
<script type="module">${PAGE_SCRIPT}</script>
</body>
</html>
`;

/** Answers with the page; its policy lets exactly its own style and script run. */
export async function pageResponse(context: Context): Promise<Response> {
  const [style, script] = await Promise.all([sourceHash(PAGE_STYLE), sourceHash(PAGE_SCRIPT)]);
  const policy = [
    "default-src 'none'",
    `style-src ${style}`,
    `script-src ${script}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return context.html(PAGE_HTML, 200, { "content-security-policy": policy.join("; ") });
}

/** Content Security Policy Level 3 §2.3.1: a hash source. */
async function sourceHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}
