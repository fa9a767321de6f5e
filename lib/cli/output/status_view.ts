/**
 * Reports as people read them in a terminal.
 * @module
 */

import type { ExitReport, PolicyStatus, StatusReport, TokenReport } from "../../api/mod.ts";
import { counted, formatBytes, formatRemaining, formatSpan } from "./human_units.ts";
import { networksLine } from "./networks_view.ts";
import { peersText } from "./peers_view.ts";
import { policyLine } from "./policy_view.ts";
import { type Fact, factLines, paintedCell, pairsText, tableText } from "./table.ts";
import type { Terminal } from "../terminal.ts";

const TOKEN_TITLES = ["ID", "STATE", ">USED", ">LEFT", "EXPIRES", "LABELS", "GIVES"];

/** @returns the whole picture, with its line feeds */
export function statusText(
  status: StatusReport,
  terminal: Terminal,
  { policy, exit }: { readonly policy?: PolicyStatus | undefined; readonly exit?: ExitReport | undefined } =
    {},
): string {
  const { node, network, dataplane, discovery, dht, relay } = status;
  const addresses = node.addresses.join(", ") || "no address yet";
  const plane = dataplane.kind === "rootless" ? "rootless: message plane only" : [
    dataplane.interfaceName,
    `MTU ${dataplane.mtuBytes}`,
    dataplane.kind,
    `sealed by ${dataplane.aead}`,
    ...((dataplane.workers ?? 1) > 1 ? [`${dataplane.workers} workers`] : []),
    ...(dataplane.offloads?.length ? [`offloads ${dataplane.offloads.join(" ")}`] : []),
  ].join(", ");
  const overlays = networksLine(status.networks);
  const facts: readonly Fact[] = [
    ...warningFacts(status, terminal),
    ["node", paintedCell(terminal, "strong", node.name), `, ${node.role}, ${addresses}`],
    ["network", `${network.cidr}, ${counted(network.members, "member")}`],
    ...leadersFact(status, terminal),
    ["key", node.publicKey],
    ["listens", [`port ${node.listenPort}`, ...node.endpoints].join(", ")],
    ...reachFact(status),
    ["plane", plane],
    ["names", namesText(status.dns)],
    ...discovery
      ? [["nearby", `${discovery.heard} heard, by ${discovery.providers.join(" and ")}`] as const]
      : [],
    ...dht ? [["DHT", `nodes that answer: ${dht.contacts}`] as const] : [],
    ...relay && relay.sessions + relay.bytes > 0
      ? [
        [
          "relay",
          `${counted(relay.sessions, "pair")} of members, ${formatBytes(relay.bytes)} carried`,
        ] as const,
      ]
      : [],
    ...overlays === undefined ? [] : [["overlay", overlays] as const],
    ...policy === undefined || policy.enforced === null && policy.trial === null
      ? []
      : [["policy", policyLine(policy)] as const],
    ...exitFact(exit, terminal),
    ...offeredFact(status),
    ["state", `${status.state}, up for ${formatSpan(status.uptimeMs)}, weft ${status.version}`],
    ...droppedFact(status),
  ];
  return `${factLines(facts, terminal)}\n${peersText(status.peers, terminal, { isShort: true })}`;
}

/** @returns one line a token, below a line of titles */
export function tokensText(tokens: readonly TokenReport[], terminal: Terminal, nowMs: number): string {
  if (tokens.length === 0) return "No tokens. `weft token create` makes one.\n";
  const rows = tokens.map((token) => [
    token.id,
    paintedCell(terminal, token.state === "usable" ? "good" : "quiet", token.state),
    String(token.used),
    token.usesLeft === null ? "any" : String(token.usesLeft),
    token.expiresAt > nowMs
      ? `in ${formatRemaining(token.expiresAt - nowMs)}`
      : `${formatSpan(nowMs - token.expiresAt)} ago`,
    pairsText(token.labels),
    termsText(token),
  ]);
  return tableText(TOKEN_TITLES, rows, terminal);
}

function termsText({ grants, ephemeralMs, needsApproval, address }: TokenReport): string {
  const { claimed: _, ...lists } = grants;
  const terms = [
    ...needsApproval ? ["after approval"] : [],
    ...ephemeralMs === undefined ? [] : [`removed when away for ${formatSpan(ephemeralMs)}`],
    ...address === undefined ? [] : [address === "any" ? "any address" : `address ${address}`],
    ...Object.entries(lists).filter(([, { length }]) => length > 0)
      .map(([kind, patterns]) => `${kind} ${patterns.join(" ")}`),
  ];
  return terms.join("; ");
}

/** What a person should mend comes first. */
function warningFacts({ warnings = [] }: StatusReport, terminal: Terminal): readonly Fact[] {
  return warnings.map(({ text, hint }) => ["warning", paintedCell(terminal, "bad", text), `. ${hint}`]);
}

/** What is wrong with the leaders: nobody looks for it before it is too late. */
function leadersFact({ leadership }: StatusReport, terminal: Terminal): readonly Fact[] {
  if (leadership?.problem === undefined) return [];
  const { problem, hint } = leadership;
  return [["leaders", paintedCell(terminal, "bad", problem), ...hint === undefined ? [] : [`. ${hint}`]]];
}

/** Where members see this node, and what of that makes direct paths rare. */
function reachFact({ reach }: StatusReport): readonly Fact[] {
  if (reach === undefined) return [];
  const { udp, mapping, seenAt } = reach;
  const facts = [
    ...seenAt.length === 0 ? [] : [`seen at ${seenAt.slice(0, 3).join(", ")}`],
    ...mapping === "varies" ? ["its NAT uses another port for each destination"] : [],
    ...udp === "silent" ? ["UDP seems to be blocked"] : [],
  ];
  return facts.length === 0 ? [] : [["reach", facts.join(", ")]];
}

function namesText(dns: StatusReport["dns"]): string {
  if (dns === undefined) return "off";
  const asks = dns.resolver === "off" ? "this host does not ask" : `this host asks by ${dns.resolver}`;
  const silent = silentUpstreams(dns).map((server) => `${server} does not answer`);
  return [dns.zone, `at ${dns.endpoints.join(", ")}`, asks, ...silent].join(", ");
}

/** @returns the servers for other names that do not answer, with what they are asked for */
export function silentUpstreams({ upstreams = [] }: NonNullable<StatusReport["dns"]>): readonly string[] {
  return upstreams.filter(({ state }) => state === "silent")
    .map(({ suffix, server }) => suffix === "." ? `upstream ${server}` : `upstream ${server} of ${suffix}`);
}

function offeredFact({ services: offered }: StatusReport): readonly Fact[] {
  const { services, providers, programs, calls, rejected, refused } = offered;
  const isIdle = services === 0 && programs === 0;
  if (isIdle && rejected + refused.adverts + refused.events === 0) return [];
  const { healthy, unhealthy } = providers;
  const facts = [
    counted(services, "service"),
    `${healthy} of ${healthy + unhealthy} providers healthy`,
    `${counted(calls.running, "call")} running`,
    ...programs === 0 ? [] : [`${counted(programs, "program")} attached`],
    ...rejected === 0 ? [] : [`${counted(rejected, "message")} rejected`],
    ...refused.adverts === 0 ? [] : [`${counted(refused.adverts, "offer")} refused`],
    ...refused.events === 0 ? [] : [`${counted(refused.events, "event")} refused`],
  ];
  return [["offered", facts.join(", ")]];
}

function droppedFact(status: StatusReport): readonly Fact[] {
  const drops = Object.entries(status.drops).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  if (drops.length === 0) return [];
  const shown = drops.slice(0, 6).map(([reason, count]) => `${count} ${reason}`).join(", ");
  return [["dropped", drops.length > 6 ? `${shown}, …` : shown]];
}

/** Through whom everything goes, and when it does not. */
function exitFact(exit: ExitReport | undefined, terminal: Terminal): readonly Fact[] {
  if (exit === undefined || exit.node === null) return [];
  if (exit.problem === undefined) return [["exit", `everything goes through ${exit.node}`]];
  const blocked = paintedCell(terminal, "bad", "nothing gets out");
  return [["exit", blocked, `: ${exit.problem}; \`weft exit off\` sends everything as before`]];
}
