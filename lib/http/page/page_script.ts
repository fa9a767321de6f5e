/**
 * The page's script. What it hears becomes text and attributes, never markup.
 * @module
 */

/** What is between `<script type="module">` and `</script>`. */
export const PAGE_SCRIPT: string = String.raw`
const POLL_MS = 2000;
/* How many answers the line of traffic goes back. */
const PAST = 60;
const byId = (id) => document.getElementById(id);
let before;

function element(name, attributes, ...children) {
  const made = name.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function amount(value, units) {
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1000; at++; }
  return (at > 0 && value < 10 ? value.toFixed(1) : value.toFixed(0)) + " " + units[at];
}
const bytes = (value) => amount(value, ["B", "kB", "MB", "GB", "TB"]);
const bits = (value) => amount(value, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
const round = (ms) => ms === null ? "–" : ms < 10 ? ms.toFixed(1) + " ms" : ms.toFixed(0) + " ms";
function span(ms) {
  if (ms === null) return "never";
  const s = Math.floor(ms / 1000);
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";
}

function showFacts(status) {
  const { node, network, dataplane } = status;
  const plane = dataplane.kind === "rootless" ? "rootless, message plane only"
    : [dataplane.interfaceName, dataplane.mtuBytes && "MTU " + dataplane.mtuBytes].filter(Boolean).join(", ");
  const { problem, hint } = status.leadership ?? {};
  const facts = [
    ["Address", ...(node.addresses.length > 0 ? node.addresses : ["none yet"])],
    ["Network", network.cidr, network.members + (network.members === 1 ? " member" : " members")],
    ["Role", node.role],
    ...(problem === undefined ? [] : [["Leaders", problem, ...(hint === undefined ? [] : [hint])]]),
    ["Packet plane", plane],
    ["Reached at", ...(node.endpoints.length > 0 ? node.endpoints.slice(0, 3) : ["port " + node.listenPort])],
    ["Up for", span(status.uptimeMs)],
  ];
  byId("facts").replaceChildren(...facts.map(([term, ...texts]) =>
    element("div", {}, element("dt", {}, term), ...texts.map((text) => element("dd", {}, text)))));
}

function showWarnings({ warnings = [] }) {
  byId("warnings").hidden = warnings.length === 0;
  byId("warnings").replaceChildren(...warnings.map(({ text, hint }) =>
    element("li", {}, element("strong", {}, text), ". " + hint)));
}

function healthOf(peer) {
  if (peer.path === "hub" && peer.healthy) return "hub healthy";
  if (isChannelOnly(peer)) return "channel only";
  if (peer.healthy) return "healthy";
  return peer.isAway && peer.lastSeenMs !== undefined ? "away" : "not seen";
}

/* Packets are meant to reach it, and don't. */
const isChannelOnly = ({ way }) => way?.kind === "channel" && !/^(rootless|unused)/.test(way.problem);

/* Of plain devices, and as agents of a former release say it, there is the path alone. */
const wayKind = ({ way, path }) => way?.kind ?? (path === "hub" ? "relay" : path);

function wayLines(peer) {
  const { way, hub, name } = peer;
  const kind = wayKind(peer);
  if (hub !== undefined) return [hub === null ? "no hub" : "via " + hub];
  const by = way?.via === undefined || way.via === name ? "" : " by " + way.via;
  const words = { direct: "direct", relay: "relay" + by, carrier: "stream" + by, channel: (isChannelOnly(peer) ? "channel only" : "channel") + by };
  const figures = [way?.mtuBytes && "MTU " + way.mtuBytes, way?.standbyCount && way.standbyCount + " ready"];
  const at = way === undefined ? peer.endpoint : way.endpoint;
  return [words[kind] ?? "–", ...at ? [at] : [], ...[figures.filter(Boolean).join(", ")].filter(Boolean)];
}

function showMesh(status, rates) {
  // On a phone the drawing is as high as it is wide, so that its text stays legible.
  const isNarrow = byId("mesh").clientWidth < 520;
  const [cx, cy, rx, ry] = isNarrow ? [190, 180, 125, 138] : [380, 195, 290, 138];
  byId("mesh").setAttribute("viewBox", "0 0 " + 2 * cx + " 400");
  const short = (name) => name.length > 18 ? name.slice(0, 17) + "…" : name;
  // Who is away for long is not drawn in the place of others.
  const shown = status.peers.toSorted((a, b) => a.isAway - b.isAway).slice(0, 24);
  const [links, nodes] = [[], []];
  const node = (x, y, kind, name, under, radius) => element("svg:g", { class: kind },
    element("svg:circle", { cx: x, cy: y, r: radius }),
    element("svg:text", { x, y: y + radius + 17 }, short(name)),
    element("svg:text", { x, y: y + radius + 33, class: "under" }, under));
  for (const [i, peer] of shown.entries()) {
    const angle = -Math.PI / 2 + (i + 0.5) * 2 * Math.PI / shown.length + (shown.length === 1 ? Math.PI / 2 : 0);
    const [x, y] = [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
    const kind = wayKind(peer);
    const path = "M" + cx + " " + cy + "L" + x.toFixed(1) + " " + y.toFixed(1);
    links.push(element("svg:path", { class: "link " + kind, d: path }));
    if ((rates.get(peer.publicKey) ?? 0) > 0) links.push(element("svg:path", { class: "flow", d: path }));
    if (peer.rttMs !== null && shown.length <= 12 && !isNarrow) {
      const [mx, my] = [cx + 0.52 * (x - cx), cy + 0.52 * (y - cy)];
      links.push(element("svg:text", { class: "rtt", x: mx, y: my + 4 }, round(peer.rttMs)));
    }
    const under = shown.length <= 12 ? peer.addresses[0] ?? "" : "";
    nodes.push(node(x, y, peer.healthy && !isChannelOnly(peer) ? "healthy" : "away", peer.name, under, 13));
  }
  const self = node(cx, cy, "self", status.node.name, status.node.addresses[0] ?? "", 16);
  byId("mesh").replaceChildren(...links, self, ...nodes);
  const healthy = status.peers.filter((peer) => peer.healthy && !isChannelOnly(peer)).length;
  const partly = status.peers.filter(isChannelOnly).length;
  const more = (partly > 0 ? ", " + partly + " by channel only" : "") +
    (status.peers.length > shown.length ? "; the first " + shown.length + " are drawn" : "");
  byId("mesh-summary").textContent = status.peers.length === 0 ? "alone so far"
    : healthy + " of " + status.peers.length + " peers healthy" + more;
}

function showPeers(status) {
  byId("alone").hidden = status.peers.length > 0;
  byId("peers").hidden = status.peers.length === 0;
  const rows = status.peers.map((peer) => {
    const tags = peer.roles.filter((role) => role !== "member")
      .map((role) => element("span", { class: "tag" }, " " + role));
    const health = healthOf(peer);
    const seen = health === "away" ? ", last seen " + span(Math.max(0, Date.now() - peer.lastSeenMs)) + " ago" : "";
    const badge = element("span", { class: "badge " + health.replace(" ", "-") }, health + seen);
    // The roles are said, because a table that is laid out as cards is none to a screen reader.
    const cell = (label, ...content) => element("td", { role: "cell", "data-label": label }, ...content);
    const number = (label, text) => {
      const made = cell(label, text);
      made.setAttribute("class", "number");
      return made;
    };
    return element("tr", { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, peer.name, ...tags),
      cell("Health", badge),
      cell("Addresses", ...peer.addresses.map((address) => element("span", { class: "line" }, address))),
      cell("Path", ...wayLines(peer).map((text) => element("span", { class: "line" }, text)),
        ...peer.way?.why ? [element("span", { class: "why" }, "not direct: " + peer.way.why)] : []),
      number("Round trip", round(peer.rttMs)),
      number("Handshake", peer.lastHandshakeAgeMs === null ? "never" : span(peer.lastHandshakeAgeMs) + " ago"),
      number("Received", bytes(peer.rxBytes)),
      number("Sent", bytes(peer.txBytes)));
  });
  byId("peers").tBodies[0].replaceChildren(...rows);
}

function showServices(services, { calls, programs }) {
  byId("services-none").hidden = services.length > 0;
  byId("services").hidden = services.length === 0;
  byId("services-summary").textContent = services.length === 0 && programs === 0 ? "" :
    calls.pending + (calls.pending === 1 ? " call" : " calls") + " pending, " + calls.running + " running, " +
    programs + (programs === 1 ? " program" : " programs") + " attached";
  const rows = services.map((service) => {
    const cell = (label, ...content) => element("td", { role: "cell", "data-label": label }, ...content);
    const offered = service.providers.map((provider) => {
      const isGood = provider.state === "running" && provider.isHealthy;
      const said = !provider.isHealthy ? "away" : provider.state;
      const badge = element("span", { class: "badge " + (isGood ? "healthy" : "away") }, said);
      return element("span", { class: "line" }, provider.name + (provider.isLeader ? " (leads) " : " "), badge);
    });
    return element("tr", { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, service.path),
      cell("Offered by", ...offered),
      cell("Actions", service.actions.map((action) => action.name).join(", ") || "–"));
  });
  byId("services").tBodies[0].replaceChildren(...rows);
}

/* Rules that decided something come first; /policies and /policies/counters have all. */
const MAX_RULES = 20;

function showPolicy(policy, counters) {
  const { enforced, trial, stale, members, failures } = policy;
  byId("policy-none").hidden = enforced !== null;
  byId("policy").hidden = counters.rules.length === 0;
  const facts = enforced === null ? [] : [enforced.revision, "applied by " + enforced.appliedBy,
    stale === 0 ? "in force on all " + members.length + " members"
      : "stale on " + members.filter((one) => one.isStale).slice(0, 3).map((one) => one.name).join(", ") +
        (stale > 3 ? " and " + (stale - 3) + " more" : ""),
    counters.denied + " denied here"];
  if (failures.length > 0) facts.push(failures.length + (failures.length === 1 ? " test fails" : " tests fail"));
  if (trial !== null) facts.push("a trial of " + trial.revision);
  byId("policy-summary").textContent = facts.join(", ");
  const shown = counters.rules.toSorted((a, b) => b.packets - a.packets).slice(0, MAX_RULES);
  const rows = shown.map((rule) => {
    const cell = (label, text, kind) =>
      element("td", { role: "cell", "data-label": label, ...kind && { class: kind } }, text);
    return element("tr", { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, rule.rule),
      cell("What", rule.text),
      cell("Packets", String(rule.packets), "number"),
      cell("Bytes", bytes(rule.bytes), "number"),
      cell("Flows", String(rule.flows), "number"));
  });
  byId("policy").tBodies[0].replaceChildren(...rows);
}

/* Long lists are cut: the table is a picture, and /networks has all. */
const MOST = 12;

function showNetworks(networks) {
  byId("networks-none").hidden = networks.length > 0;
  byId("networks").hidden = networks.length === 0;
  const total = networks.reduce((sum, network) => sum + network.endpointCount, 0);
  byId("networks-summary").textContent = networks.length === 0 ? "" :
    networks.length + (networks.length === 1 ? " network, " : " networks, ") +
    total + (total === 1 ? " endpoint" : " endpoints");
  const line = (...content) => element("span", { class: "line" }, ...content);
  const rows = networks.map((network) => {
    const cell = (label, ...content) => element("td", { role: "cell", "data-label": label }, ...content);
    const number = (label, ...content) =>
      element("td", { role: "cell", "data-label": label, class: "number" }, ...content);
    const badge = (isGood, said) => element("span", { class: "badge " + (isGood ? "healthy" : "away") }, said);
    const endpoints = network.endpoints.slice(0, MOST).map((endpoint) => {
      const where = endpoint.isLocal ? "here" : "on " + endpoint.node;
      const said = [endpoint.name, where, ...endpoint.ipAddresses.slice(0, 1)].join(" ");
      const isQuiet = endpoint.state === "up" || endpoint.state === "remote";
      return line(said, ...isQuiet ? [] : [" ", badge(false, endpoint.state)]);
    });
    if (network.endpointCount > endpoints.length) {
      endpoints.push(line("and " + (network.endpointCount - endpoints.length) + " more"));
    }
    const { counts } = network;
    const drops = Object.entries(counts?.drops ?? {}).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
    const carried = (frames, size) => counts === undefined ? ["–"]
      : [line(amount(frames, ["", "k", "M", "G"]).trim() + (frames === 1 ? " frame" : " frames")), line(bytes(size))];
    const state = !network.isActive ? "inactive" : network.problem === undefined ? "active" : "failed";
    return element("tr", { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, network.name, " ", badge(state === "active", state)),
      cell("Type", line(network.type + ", " + network.identifierName + " " + network.identifier),
        line(network.underlay + ", MTU " + network.mtuBytes)),
      cell("Addresses", ...(network.cidrs.length > 0 ? network.cidrs.map((cidr) => line(cidr)) : ["–"])),
      cell("Endpoints", ...(endpoints.length > 0 ? endpoints : ["none"])),
      number("In", ...carried(counts?.framesIn, counts?.bytesIn)),
      number("Out", ...carried(counts?.framesOut, counts?.bytesOut)),
      cell("Dropped", ...(drops.length > 0
        ? drops.slice(0, 4).map(([reason, count]) => line(reason + " " + count.toLocaleString("en"))) : ["–"])));
  });
  byId("networks").tBodies[0].replaceChildren(...rows);
}

function showDrops(status) {
  const drops = Object.entries(status.drops).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  byId("drops-none").hidden = drops.length > 0;
  byId("drops").replaceChildren(...drops.map(([reason, count]) =>
    element("li", {}, element("span", {}, reason), element("span", {}, count.toLocaleString("en")))));
}

/* The line of what went through: its highest point is as high as the line may be. */
function showPast(past) {
  const most = Math.max(1000, ...past);
  const points = past.map((rate, i) =>
    (120 - 2 * (past.length - 1 - i)).toFixed(0) + " " + (21 - 19 * rate / most).toFixed(1));
  byId("past").replaceChildren(element("svg:path", { d: "M" + points.join("L") }));
}

/* Bits a second since the last answer, by public key; a counter that went back means a restart. */
function measure(status, at) {
  const rates = new Map();
  let [received, sent] = [0, 0];
  const seconds = before ? (at - before.at) / 1000 : 0;
  for (const peer of status.peers) {
    const old = before?.peers.get(peer.publicKey);
    if (!old || seconds <= 0) continue;
    const rx = Math.max(0, peer.rxBytes - old.rxBytes) * 8 / seconds;
    const tx = Math.max(0, peer.txBytes - old.txBytes) * 8 / seconds;
    received += rx; sent += tx;
    rates.set(peer.publicKey, rx + tx);
  }
  before = { at, past: before?.past ?? [], peers: new Map(status.peers.map((peer) => [peer.publicKey, peer])) };
  if (before.past.push(received + sent) > PAST) before.past.shift();
  showPast(before.past);
  byId("rates").textContent = status.peers.length === 0 ? "" : "receiving " + bits(received) + ", sending " + bits(sent);
  return rates;
}

function say(state, text) {
  const live = byId("live");
  live.dataset.state = state;
  // A status region is read aloud when it changes, and only then.
  if (live.textContent !== text) live.textContent = text;
  document.body.toggleAttribute("data-lost", state === "lost");
}

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
  /* Whoever had shown the token is asked for it again. */
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(answer.statusText);
  return await answer.json();
}

async function poll() {
  try {
    const [status, services, networks, counters] = await Promise.all(
      [ask("/status"), ask("/services"), ask("/networks"), ask("/policies/counters")]);
    /* Its tests are run again for each answer, so it is not asked for as often. */
    if (policy === undefined || polls++ % 5 === 0) policy = await ask("/policies");
    document.title = status.node.name + " · weft";
    byId("node-name").textContent = status.node.name;
    byId("version").textContent = "weft " + status.version;
    showFacts(status);
    showMesh(status, measure(status, performance.now()));
    showWarnings(status);
    showPeers(status);
    showServices(services, status.services);
    showNetworks(networks);
    showPolicy(policy, counters);
    showDrops(status);
    say(status.state, status.state);
  } catch {
    say("lost", "The agent does not answer; what is shown is old");
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(poll, POLL_MS);
}

let timer, policy;
let polls = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) poll();
});
poll();
`;
