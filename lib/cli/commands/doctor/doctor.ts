/**
 * What weft needs of a host, and whether it is there.
 * @module
 */

import { shellWord } from "../../../base/mod.ts";
import type { DnsReport, PolicyStatus, StatusReport } from "../../../api/mod.ts";
import {
  canConfigureNetwork,
  hasTunDevice,
  type HostChange,
  hostChangeText,
  HostJournal,
  leftResolver,
  mayOpenTun,
  Netlink,
  parseResolverConf,
  readHostText,
  RESOLVER_CONF_PATH,
  SqliteStateStore,
} from "../../../host/mod.ts";
import { listenDatagrams } from "../../../transport/mod.ts";
import { counted, silentUpstreams } from "../../output/mod.ts";
import type { Finding } from "../finding.ts";
import { cipherFinding } from "./cipher_finding.ts";
import { overlayFinding } from "../overlays/mod.ts";
import { pathFindings } from "./path_findings.ts";
import { policyFinding } from "../policies/mod.ts";
import { stateFinding, type StateTrouble, stateTrouble } from "./state_finding.ts";

/** What is asked of the host; tests answer it themselves. */
export interface HostProbes {
  canConfigureNetwork(): boolean;
  hasTunDevice(): boolean;
  /** Whether this user may open it. */
  mayOpenTun(): boolean;
  /** @returns what is wrong with a directory for the state, or undefined */
  stateTrouble(dir: string, isRunning: boolean): Promise<StateTrouble | undefined>;
  /** Whether UDP and TCP can be bound. */
  isPortFree(port: number): boolean;
  /** @returns what agents that are gone have left on this host, in words; only asked when none runs with this state */
  leftOvers(stateDir: string): readonly string[];
  /** Whether /etc/resolv.conf is as weft has written it. */
  isResolverConfOwn(): boolean;
  /** @returns why no machine code seals packets here, or undefined where it can */
  nativeProblem(): Promise<string | undefined>;
  wallMs(): number;
}

type RunningAgent = Pick<
  StatusReport,
  | "leadership"
  | "dns"
  | "networks"
  | "refused"
  | "services"
  | "clockSkewMs"
  | "node"
  | "peers"
  | "dataplane"
  | "reach"
  | "warnings"
>;

const HOST_ALONE_HINT = "--dns-resolver off leaves this host's resolver alone for good.";

/** Half of what is still taken in. */
const MAX_SKEW_MS = 300_000;

/** Before this, no version of weft existed, so no clock that is right shows it: 2025-01-01. */
const EARLIEST_MS = 1_735_689_600_000;

/** @returns what came of each check by its name, in the order in which problems stop a start */
export async function doctorFindings(
  { stateDir, status, policy, ...next }: {
    readonly stateDir: string;
    /** Of the next start. */
    readonly port: number;
    readonly rootless: boolean;
    /** What the agent with this state says of itself, when it runs; then its port is taken by right. */
    readonly status: RunningAgent | undefined;
    /** Likewise. */
    readonly policy?: PolicyStatus | undefined;
  },
  probes: HostProbes,
): Promise<ReadonlyMap<string, Finding>> {
  const findings = new Map<string, Finding>();
  // An agent that runs knows best what it was told.
  const port = status?.node.listenPort ?? next.port;
  const rootless = next.rootless || status?.dataplane.kind === "rootless";
  if (!rootless) {
    findings.set(
      "privileges",
      probes.canConfigureNetwork()
        ? ok("this process may make network interfaces")
        : problem("this process may not make network interfaces", "Run as root, or use --rootless."),
    );
    const hint = "Try `modprobe tun`; give containers the device; or use --rootless.";
    findings.set(
      "tun",
      !probes.hasTunDevice()
        ? problem("/dev/net/tun is not there", hint)
        : probes.mayOpenTun()
        ? ok("/dev/net/tun is there")
        : problem(
          "/dev/net/tun is for other users",
          "Run as root, `chmod 666 /dev/net/tun` as most systems have it, or use --rootless.",
        ),
    );
    const cipher = cipherFinding(status?.dataplane, await probes.nativeProblem());
    if (cipher !== undefined) findings.set("cipher", cipher);
  }
  findings.set("state", stateFinding(stateDir, await probes.stateTrouble(stateDir, status !== undefined)));
  findings.set("port", portFinding(port, status !== undefined, probes));
  if (status === undefined) findings.set("left over", leftOverFinding(stateDir, probes.leftOvers(stateDir)));
  findings.set("clock", clockFinding(probes.wallMs()));
  if (status === undefined) return findings;
  const { clockSkewMs, dns, networks, refused, services } = status;
  if (typeof clockSkewMs === "number") findings.set("skew", skewFinding(clockSkewMs));
  for (const [i, { kind, text, hint }] of status.warnings?.entries() ?? []) {
    findings.set(`warning ${i + 1}: ${kind}`, problem(text, hint));
  }
  findings.set("leaders", leadersFinding(status));
  findings.set("labels", labelsFinding(status));
  const devices = devicesFinding(status.peers);
  if (devices !== undefined) findings.set("devices", devices);
  const overlays = overlayFinding(networks);
  if (overlays !== undefined) findings.set("overlays", overlays);
  for (const [name, finding] of pathFindings(status)) findings.set(name, finding);
  const policies = policy && policyFinding(policy, probes.wallMs());
  if (policies !== undefined) findings.set("policy", policies);
  return findings.set("names", namesFinding(dns, probes))
    .set("records", recordsFinding(refused))
    .set("services", servicesFinding(services));
}

function portFinding(port: number, isRunning: boolean, probes: HostProbes): Finding {
  if (isRunning) return ok(`${port} is for the agent that runs`);
  if (probes.isPortFree(port)) return ok(`${port} is free for UDP and TCP`);
  return problem(`another program has port ${port}`, "Stop it, or choose another with --port.");
}

function leftOverFinding(dir: string, left: readonly string[]): Finding {
  if (left.length === 0) return ok("no agent that is gone has left anything on this host");
  return problem(
    `an agent that is gone has left on this host: ${left.join("; ")}`,
    `Run \`weft cleanup --state ${shellWord(dir)}\`, or start weft.`,
  );
}

function clockFinding(wallMs: number): Finding {
  const at = new Date(wallMs).toISOString();
  if (wallMs >= EARLIEST_MS) return ok(at);
  return problem(
    `the clock shows ${at}`,
    "Set it: tokens expire by it, and peers refuse handshakes of the past.",
  );
}

function namesFinding(dns: DnsReport | undefined, probes: HostProbes): Finding {
  if (dns === undefined) return ok("this node serves none; --dns on changes that");
  const served = `${dns.zone} is answered at ${dns.endpoints.join(", ")}`;
  if (dns.problem !== undefined) {
    return problem(
      `${served}, but this host does not ask there: ${dns.problem}`,
      dns.hint ?? HOST_ALONE_HINT,
    );
  }
  if (dns.resolver === "resolv.conf" && !probes.isResolverConfOwn()) {
    return problem(
      `${served}, but somebody has written /etc/resolv.conf since`,
      `Start weft again. ${HOST_ALONE_HINT}`,
    );
  }
  const silent = silentUpstreams(dns);
  if (silent.length > 0) {
    return problem(
      `${served}, but names of others can't be found: ${silent.join(", ")} not answering`,
      "Look at that server and the way to it; `weft dns query example.com` asks again.",
    );
  }
  return ok([served, ...countTexts(dns.counters)].join("; "));
}

/** What was refused is no problem of this host, but worth knowing. */
function countTexts(counters: DnsReport["counters"]): readonly string[] {
  const sum = (pattern: RegExp): number =>
    Object.entries(counters).reduce((total, [name, count]) => pattern.test(name) ? total + count : total, 0);
  const counts = [
    ["malformed", sum(/^malformed-/)],
    ["refused", sum(/^refused$/)],
    ["dropped", sum(/^dropped-/)],
    ["not answered by other servers", sum(/^forward-timeout$/)],
  ] as const;
  return counts.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
}

/** @returns the probes of this host */
export function hostProbes(): HostProbes {
  return {
    canConfigureNetwork,
    hasTunDevice,
    mayOpenTun,
    stateTrouble,
    isPortFree,
    leftOvers,
    isResolverConfOwn: () => parseResolverConf(readHostText(RESOLVER_CONF_PATH)).isOwn,
    nativeProblem,
    wallMs: () => Date.now(),
  };
}

/** Loads the data plane for it, which other commands do without. */
async function nativeProblem(): Promise<string | undefined> {
  const { findNativeTier } = await import("../../../dataplane/mod.ts");
  const found = findNativeTier();
  return typeof found === "string" ? found : undefined;
}

/** What crosses on its way, or comes before what it needs, is nobody's fault. */
const HARMLESS: ReadonlySet<string> = new Set(["replayed", "unknown-node", "revoked"]);

/** What members told a running agent that it did not take in. */
function recordsFinding(refused: Readonly<Record<string, number>>): Finding {
  const reasons = Object.entries(refused);
  if (reasons.length === 0) return ok("none of what members told was refused");
  const counts = `refused of what members told: ${
    reasons.map(([reason, count]) => `${count} ${reason}`).join(", ")
  }`;
  const serious = reasons.map(([reason]) => reason).filter((reason) => !HARMLESS.has(reason));
  if (serious.length === 0) return ok(counts);
  const isTime = serious.every((reason) => reason === "future" || reason === "expired");
  return problem(
    counts,
    isTime
      ? "A clock is wrong: here, or where those records were signed."
      : "The log names the member that sent them; a member that lies is cut off by `weft peer remove`.",
  );
}

/** Whether the network would outlive its leaders. */
function leadersFinding({ leadership }: Pick<RunningAgent, "leadership">): Finding {
  if (leadership === undefined) return ok("this agent is of a former release, which does not say");
  const { present, lastExportMs, problem: wrong, hint = "" } = leadership;
  if (wrong !== undefined) return { kind: "warning", detail: wrong, hint };
  const file = lastExportMs === null
    ? "no recovery file"
    : `a recovery file of ${new Date(lastExportMs).toISOString().slice(0, 10)}`;
  return ok(`${counted(present, "leader")} there, ${file}`);
}

/** Under a former release members chose their labels themselves. */
function labelsFinding({ node, peers }: Pick<RunningAgent, "node" | "peers">): Finding {
  const open = [node, ...peers].filter(({ unconfirmedLabels }) => unconfirmedLabels !== undefined);
  const [first, ...others] = open.map(({ name }) => name);
  if (first === undefined) return ok("a leader or a token has said all labels that authorise");
  const names = others.length > 3 ? `${first} and ${others.length} others` : [first, ...others].join(", ");
  return problem(
    `labels were chosen by members themselves under a former release, and authorise nothing: ${names}`,
    `Run \`weft label --confirm ${first}\` on a leader, or \`weft label ${first} KEY-\`.`,
  );
}

/** A plain device whose one peer has gone reaches nobody, and can't say so. */
function devicesFinding(peers: RunningAgent["peers"]): Finding | undefined {
  const devices = peers.filter(({ hub }) => hub !== undefined);
  if (devices.length === 0) return undefined;
  const [first, ...others] = devices.filter(({ hub }) => hub === null).map(({ name }) => name);
  if (first === undefined) return ok("every plain device has a member that passes its packets on");
  return problem(
    `no member passes packets on for ${[first, ...others].slice(0, 3).join(", ")}${
      others.length > 2 ? ", …" : ""
    }`,
    `\`weft peer hub ${first} NODE\` on a leader prints what the device needs for another one.`,
  );
}

/** What one could not read is lost for who has said it, and no problem of this host. */
function servicesFinding({ rejected: unreadable, refused }: StatusReport["services"]): Finding {
  const { adverts, events } = refused;
  if (adverts + events > 0) {
    const what = `${counted(adverts, "offer")} left out, ${counted(events, "event")} not delivered`;
    return ok(`not what the network lets members do: ${what}; the agent's log says whose`);
  }
  if (unreadable === 0) return ok("whatever members and programs said to services could be read");
  return ok(`${counted(unreadable, "message")} of members or programs could not be read`);
}

/** Records are refused that are more than ten minutes ahead. */
function skewFinding(skewMs: number): Finding {
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return ok("this host's clock agrees with its peers'");
  return problem(
    `this host's clock is ${minutes} min ${skewMs > 0 ? "behind" : "ahead of"} its peers'`,
    "Set it, best by NTP: what is signed by a wrong clock is refused.",
  );
}

function ok(detail: string): Finding {
  return { kind: "ok", detail };
}

function problem(detail: string, hint: string): Finding {
  return { kind: "problem", detail, hint };
}

/** What the journal of this state names and is still there, and the resolver, whosesoever state wrote that down. */
function leftOvers(stateDir: string): readonly string[] {
  const left = leftResolver();
  const resolver = left === undefined
    ? []
    : [`the resolver in ${left.path}, which asks where nobody answers`];
  return [...resolver, ...leftInterfaces(stateDir)];
}

function leftInterfaces(stateDir: string): readonly string[] {
  if (!SqliteStateStore.existsIn(stateDir)) return [];
  try {
    // Fails while an agent starts, which undoes all of it.
    using store = SqliteStateStore.open(stateDir);
    using netlink = Netlink.open();
    const routes = netlink.listRoutes();
    const isThere = (change: HostChange): boolean =>
      change.kind === "interface"
        ? netlink.linkExists(change.name) && !netlink.isLinkRunning(change.name)
        : change.kind === "forwarding"
        ? netlink.isForwarding(change.interfaceName, change.family) === true
        : change.kind === "filter-table" || change.kind === "route" &&
            routes.some(({ cidr, interfaceName }) =>
              cidr.equals(change.cidr) && interfaceName === change.interfaceName
            ) && !netlink.isLinkRunning(change.interfaceName);
    return new HostJournal(store).changes().filter(isThere).map(hostChangeText);
  } catch {
    return [];
  }
}

function isPortFree(port: number): boolean {
  try {
    listenDatagrams({ hostname: "0.0.0.0", port }).close();
    Deno.listen({ hostname: "0.0.0.0", port }).close();
    return true;
  } catch {
    return false;
  }
}
