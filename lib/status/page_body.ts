/**
 * The elements of the page. They say what they are before any script has run.
 * @module
 */

/** What is between `<body>` and the script. */
export const PAGE_BODY: string = `<a class="skip" href="#peers">Skip to the list of peers</a>
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
      <span class="key key-open"></span> channel open
      <span class="key key-session"></span> handshake only
      <span class="key key-none"></span> not reached
    </p>
  </section>
  <section class="card" aria-labelledby="peers-title">
    <div class="card-head"><h2 id="peers-title">Peers</h2><p id="rates" class="quiet"></p></div>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="peers-title">
      <table id="peers">
        <thead><tr>
          <th scope="col">Name</th><th scope="col">Health</th><th scope="col">Addresses</th>
          <th scope="col">Endpoint</th><th scope="col" class="number">Round trip</th>
          <th scope="col" class="number">Handshake</th><th scope="col" class="number">Received</th>
          <th scope="col" class="number">Sent</th>
        </tr></thead>
        <tbody></tbody>
      </table>
    </div>
    <p id="alone" class="quiet" hidden>Nobody else is here yet. <code>weft token create</code> on the leader invites them.</p>
  </section>
  <section class="card" aria-labelledby="drops-title">
    <h2 id="drops-title">Dropped</h2>
    <p id="drops-none" class="quiet">Nothing was dropped.</p>
    <ul id="drops"></ul>
  </section>
</main>
<footer class="quiet"><a href="/status">/status</a> <a href="/metrics">/metrics</a> <a href="/openapi.json">/openapi.json</a> <span id="version"></span></footer>`;
