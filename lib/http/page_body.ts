/**
 * The elements of the page. They say what they are before any script has run.
 * @module
 */

/** What is between `<body>` and the script. */
export const PAGE_BODY: string = `<a class="skip" href="#peers-region">Skip to the list of peers</a>
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
