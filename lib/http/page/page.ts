/**
 * The page at `/`: one document without any other resource, which asks `/status` and draws what it hears.
 * @module
 */

import type { Context } from "hono";
import { PAGE_SCRIPT } from "./page_script.ts";

/** The icon of its pages. */
export const PAGE_ICON: string = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M4 12V8a4 4 0 0 1 8 0v4M4 4v2m8-2v2" ' +
    'fill="none" stroke="#3a7d74" stroke-width="2" stroke-linecap="round"/></svg>',
);

/** What is between `<style>` and `</style>`: two palettes by the reader's preference, no fonts or images from elsewhere. */
const PAGE_STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f5f1, #15181a);
  --card: light-dark(#fffefb, #1c2022);
  --ink: light-dark(#22292b, #e4e6e3);
  --quiet: light-dark(#5d686a, #9aa5a6);
  --line: light-dark(#e2e0d8, #2c3234);
  --thread: light-dark(#3a7d74, #6fb9ad);
  --thread-soft: light-dark(#dcebe7, #213633);
  --warn: light-dark(#9a5b13, #e0a55c);
  --bad: light-dark(#a8403a, #e5877f);
  --bad-soft: light-dark(#f6e3e0, #3a2523);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 2rem; max-width: 66rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif;
}
a { color: var(--thread); text-underline-offset: .2em; }
:focus-visible { outline: 2px solid var(--thread); outline-offset: 3px; border-radius: .25rem; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1.25rem; top: .5rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; justify-content: space-between; }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600; letter-spacing: -.01em; }
h1 #node-name { color: var(--quiet); font-weight: 400; }
.mark {
  display: inline-block; width: 1.05rem; height: 1.05rem; margin-right: .55rem; vertical-align: -.12rem;
  border-radius: .28rem;
  background:
    linear-gradient(90deg, transparent 22%, var(--thread) 22% 36%, transparent 36% 64%, var(--thread) 64% 78%, transparent 78%),
    linear-gradient(0deg, transparent 22%, var(--thread) 22% 36%, transparent 36% 64%, var(--thread) 64% 78%, transparent 78%);
}
#live { margin: 0; color: var(--quiet); }
#live::before {
  content: ""; display: inline-block; width: .55rem; height: .55rem; margin-right: .5rem; border-radius: 50%;
  background: var(--quiet);
}
#live[data-state="running"]::before { background: var(--thread); }
#live[data-state="stopping"]::before { background: var(--warn); }
#live[data-state="lost"] { color: var(--bad); }
#live[data-state="lost"]::before { background: var(--bad); }
h2 { margin: 0; font-size: 1rem; font-weight: 600; }
.quiet { color: var(--quiet); font-size: .9rem; }
.card { margin: 1.25rem 0 0; padding: 1.1rem 1.25rem 1.2rem; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; }
.card-head { display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; align-items: baseline; }
.card-head p { margin: 0; }
dl { display: grid; grid-template-columns: repeat(3, 1fr); gap: 1rem 1.5rem; margin: 1.6rem 0 0; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
#mesh { display: block; width: 100%; height: auto; max-height: 27rem; margin-top: .4rem; }
#mesh .link { fill: none; stroke: var(--quiet); stroke-width: 1.5; stroke-dasharray: 1 6; stroke-linecap: round; opacity: .6; }
#mesh .link.direct { stroke: var(--thread); stroke-width: 2; stroke-dasharray: none; opacity: 1; }
#mesh .link.relay { stroke: var(--thread); stroke-dasharray: 7 6; opacity: .85; }
#mesh .link.carrier { stroke: var(--thread); stroke-width: 3; stroke-dasharray: 12 4 2 4; opacity: .85; }
#mesh .link.channel { stroke: var(--warn); stroke-dasharray: 2 5; opacity: .9; }
#mesh .flow { fill: none; stroke: var(--thread); stroke-width: 6; stroke-linecap: round; stroke-dasharray: .1 29.9; animation: flow 2.4s linear infinite; }
@keyframes flow { from { stroke-dashoffset: 60; } to { stroke-dashoffset: 0; } }
#mesh circle { fill: var(--card); stroke: var(--quiet); stroke-width: 1.5; }
#mesh .healthy circle { fill: var(--thread-soft); stroke: var(--thread); stroke-width: 2; }
#mesh .self circle { fill: var(--thread); stroke: var(--thread); }
#mesh text { fill: var(--ink); font-size: 14px; text-anchor: middle; paint-order: stroke; stroke: var(--card); stroke-width: 5px; stroke-linejoin: round; }
#mesh text.under { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
#mesh text.rtt { fill: var(--quiet); font-size: 12px; stroke-width: 9px; }
.legend { margin: .3rem 0 0; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; }
.key { display: inline-block; width: 1.8rem; margin-right: .5rem; vertical-align: .25rem; border-top: 2px solid var(--thread); }
.traffic { display: flex; gap: .8rem; align-items: center; align-self: center; }
#past { width: 7.5rem; height: 1.375rem; }
#past path { fill: none; stroke: var(--thread); stroke-width: 1.5; stroke-linejoin: round; stroke-linecap: round; }
.key-relay { border-top-style: dashed; }
.key-carrier { border-top-style: double; border-top-width: 3px; }
.key-channel { border-top: 2px dotted var(--warn); }
.key-none { border-top: 2px dotted var(--quiet); }
.scroll { overflow-x: auto; margin: .5rem -.4rem 0; padding: 0 .4rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { color: var(--quiet); font-weight: 500; font-size: .85rem; text-align: left; white-space: nowrap; }
th, td { padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { color: var(--ink); font-size: 1rem; }
td { white-space: nowrap; }
.number { text-align: right; }
td.number:last-child, th.number:last-child { padding-right: 0; }
#warnings { padding-left: 2.4rem; background: var(--bad-soft); }
#warnings strong { color: var(--bad); }
.badge { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-size: .85rem; background: var(--thread-soft); color: var(--thread); }
.badge.away { background: var(--bad-soft); color: var(--bad); }
.badge.channel-only { background: color-mix(in srgb, var(--warn) 16%, transparent); color: var(--warn); }
.badge.not-seen { background: color-mix(in srgb, var(--line) 55%, transparent); color: var(--quiet); }
.line { display: block; }
.why { display: block; max-width: 22rem; white-space: normal; color: var(--quiet); font-size: .85rem; }
.tag { margin-left: .4rem; color: var(--quiet); font-weight: 400; font-size: .85rem; }
#drops { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .2rem 2rem; margin: .6rem 0 0; padding: 0; }
#drops li { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--line); padding: .2rem 0; font-variant-numeric: tabular-nums; }
#drops-none { margin: .4rem 0 0; }
footer { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin-top: 1.5rem; }
footer #version { margin-left: auto; }
body[data-lost] main { opacity: .55; }
body[data-lost] #mesh .flow { display: none; }
@media (max-width: 44rem) {
  body { padding-top: 1.5rem; }
  dl { grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
  dd { font-size: .9rem; }
  .card-head .traffic { width: 100%; margin-top: .3rem; }
  table, tbody, tbody th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { display: grid; grid-template-columns: 3fr 2fr; gap: .4rem 1rem; padding: .8rem 0; border-bottom: 1px solid var(--line); }
  tbody tr:last-child { border-bottom: 0; padding-bottom: 0; }
  tbody th, td { padding: 0; border: 0; white-space: normal; overflow-wrap: anywhere; }
  td, td.number { text-align: left; font-size: .9rem; }
  td::before { content: attr(data-label); display: block; color: var(--quiet); font-size: .8rem; }
  td:has(.badge) { text-align: right; }
  td:has(.badge)::before { content: none; }
}
@media (prefers-reduced-motion: reduce) { #mesh .flow { animation: none; opacity: 0; } }
`;

/** What is between `<body>` and the script; it says what it is before any script has run. */
const PAGE_BODY: string = `<a class="skip" href="#peers-region">Skip to the list of peers</a>
<header>
  <h1><span class="mark" aria-hidden="true"></span>weft <span id="node-name"></span></h1>
  <p id="live" role="status">Asking the agent…</p>
</header>
<main>
  <noscript><p class="card">This page needs JavaScript; <a href="/status">/status</a> is the same as JSON.</p></noscript>
  <ul id="warnings" class="card" aria-label="Warnings" hidden></ul>
  <section class="facts" aria-label="This node">
    <dl id="facts"></dl>
  </section>
  <section class="card" aria-labelledby="mesh-title">
    <div class="card-head"><h2 id="mesh-title">Mesh</h2><p id="mesh-summary" class="quiet"></p></div>
    <svg id="mesh" viewBox="0 0 760 400" role="img" aria-labelledby="mesh-title mesh-summary"></svg>
    <p class="legend quiet" aria-hidden="true">
      <span><span class="key key-direct"></span>direct</span>
      <span><span class="key key-relay"></span>relay</span>
      <span><span class="key key-carrier"></span>stream</span>
      <span><span class="key key-channel"></span>channel only</span>
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
          <th role="columnheader" scope="col">Addresses</th><th role="columnheader" scope="col">Path</th>
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
  <section class="card" aria-labelledby="networks-title">
    <div class="card-head"><h2 id="networks-title">Overlay networks</h2><p id="networks-summary" class="quiet"></p></div>
    <div id="networks-region" class="scroll" tabindex="0" role="group" aria-label="Table of overlay networks">
      <table id="networks" role="table" aria-labelledby="networks-title" hidden>
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Type</th>
          <th role="columnheader" scope="col">Addresses</th><th role="columnheader" scope="col">Endpoints</th>
          <th role="columnheader" scope="col" class="number">In</th>
          <th role="columnheader" scope="col" class="number">Out</th>
          <th role="columnheader" scope="col">Dropped</th>
        </tr></thead>
        <tbody role="rowgroup"></tbody>
      </table>
    </div>
    <p id="networks-none" class="quiet">No overlay networks. <code>weft network create</code> on the leader makes one.</p>
  </section>
  <section class="card" aria-labelledby="policy-title">
    <div class="card-head"><h2 id="policy-title">Policy</h2><p id="policy-summary" class="quiet"></p></div>
    <div id="policy-region" class="scroll" tabindex="0" role="group" aria-label="Table of rules">
      <table id="policy" role="table" aria-labelledby="policy-title" hidden>
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col">Rule</th><th role="columnheader" scope="col">What</th>
          <th role="columnheader" scope="col" class="number">Packets</th>
          <th role="columnheader" scope="col" class="number">Bytes</th>
          <th role="columnheader" scope="col" class="number">Flows</th>
        </tr></thead>
        <tbody role="rowgroup"></tbody>
      </table>
    </div>
    <p id="policy-none" class="quiet">No policy: every member may reach every other. <code>weft policy init</code> writes one.</p>
  </section>
  <section class="card" aria-labelledby="drops-title">
    <h2 id="drops-title">Dropped</h2>
    <p id="drops-none" class="quiet">Nothing was dropped.</p>
    <ul id="drops"></ul>
  </section>
</main>
<footer class="quiet"><a href="/status">/status</a> <a href="/services">/services</a> <a href="/networks">/networks</a> <a href="/policies">/policies</a> <a href="/metrics">/metrics</a> <a href="/openapi.json">/openapi.json</a> <span id="version"></span></footer>`;

/** The whole document. */
export const PAGE_HTML: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>weft</title>
<link rel="icon" href="${PAGE_ICON}">
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
export async function sourceHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}
