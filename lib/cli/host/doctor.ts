/**
 * What weft needs of a host, each checked by itself.
 * @module
 */

import type { DnsReport, StatusReport } from "../../api/mod.ts";
import {
  canConfigureNetwork,
  hasTunDevice,
  parseResolverConf,
  readHostText,
  RESOLVER_CONF_PATH,
  SqliteStateStore,
} from "../../host/mod.ts";
import { counted } from "../output/mod.ts";

/** What came of one check. */
export type Finding =
  | { readonly kind: "ok"; readonly detail: string }
  | { readonly kind: "problem"; readonly detail: string; readonly hint: string };

/** One thing that is checked. */
export interface Check {
  readonly name: string;
  run(): Finding | Promise<Finding>;
}

/** What is asked of the host; tests answer it themselves. */
export interface HostProbes {
  canConfigureNetwork(): boolean;
  hasTunDevice(): boolean;
  /** @returns what is wrong with a directory for the state, or undefined */
  stateProblem(dir: string): Promise<string | undefined>;
  /** Whether UDP and TCP can be bound. */
  isPortFree(port: number): boolean;
  /** Whether /etc/resolv.conf is as weft has written it. */
  isResolverConfOwn(): boolean;
  wallMs(): number;
}

type RunningAgent = Pick<StatusReport, "dns" | "refused" | "services" | "clockSkewMs">;

const HOST_ALONE_HINT = "--dns-resolver off leaves this host's resolver alone for good.";

/** Half of what is still taken in. */
const MAX_SKEW_MS = 300_000;

/** Before this, no version of weft existed, so no clock that is right shows it: 2025-01-01. */
const EARLIEST_MS = 1_735_689_600_000;

/** @returns the checks, in the order in which their problems stop a start */
export function doctorChecks(
  options: {
    readonly stateDir: string;
    readonly port: number;
    readonly rootless: boolean;
    /** What the agent with this state says of itself, when it runs; then its port is taken by right. */
    readonly status: RunningAgent | undefined;
  },
  probes: HostProbes,
): readonly Check[] {
  const { stateDir, port, rootless, status } = options;
  const privileges: readonly Check[] = rootless ? [] : [
    {
      name: "privileges",
      run: () =>
        probes.canConfigureNetwork()
          ? ok("this process may make network interfaces")
          : problem("this process may not make network interfaces", "Run as root, or use --rootless."),
    },
    {
      name: "tun",
      run: () =>
        probes.hasTunDevice() ? ok("/dev/net/tun is there") : problem(
          "/dev/net/tun is not there",
          "Try `modprobe tun`; give containers the device; or use --rootless.",
        ),
    },
  ];
  return [
    ...privileges,
    {
      name: "state",
      run: async () => {
        const wrong = await probes.stateProblem(stateDir);
        return wrong === undefined
          ? ok(`${stateDir} can be used`)
          : problem(`${stateDir}: ${wrong}`, "Choose another directory with --state, or mend this one.");
      },
    },
    {
      name: "port",
      run: () => {
        if (status !== undefined) return ok(`${port} is for the agent that runs`);
        return probes.isPortFree(port)
          ? ok(`${port} is free for UDP and TCP`)
          : problem(`another program has port ${port}`, "Stop it, or choose another with --port.");
      },
    },
    {
      name: "clock",
      run: () => {
        const at = new Date(probes.wallMs()).toISOString();
        return probes.wallMs() >= EARLIEST_MS ? ok(at) : problem(
          `the clock shows ${at}`,
          "Set it: tokens expire by it, and peers refuse handshakes of the past.",
        );
      },
    },
    ...status === undefined ? [] : statusChecks(status, probes),
  ];
}

function statusChecks(
  { clockSkewMs, dns, refused, services: { rejected } }: RunningAgent,
  probes: HostProbes,
): readonly Check[] {
  return [
    ...typeof clockSkewMs === "number" ? [{ name: "skew", run: () => skewFinding(clockSkewMs) }] : [],
    { name: "names", run: () => namesFinding(dns, probes) },
    { name: "records", run: () => recordsFinding(refused) },
    { name: "services", run: () => servicesFinding(rejected) },
  ];
}

function namesFinding(dns: DnsReport | undefined, probes: HostProbes): Finding {
  if (dns === undefined) return ok("this node serves none; --dns on changes that");
  const served = `${dns.zone} is answered at ${dns.endpoints.join(", ")}`;
  if (dns.problem !== undefined) {
    return problem(`${served}, but this host does not ask there: ${dns.problem}`, HOST_ALONE_HINT);
  }
  if (dns.resolver === "resolv.conf" && !probes.isResolverConfOwn()) {
    return problem(
      `${served}, but somebody has written /etc/resolv.conf since`,
      `Start weft again. ${HOST_ALONE_HINT}`,
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
    stateProblem,
    isPortFree,
    isResolverConfOwn: () => parseResolverConf(readHostText(RESOLVER_CONF_PATH)).isOwn,
    wallMs: () => Date.now(),
  };
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

/** What one could not read is lost for who has said it, and no problem of this host. */
function servicesFinding(unreadable: number): Finding {
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

/** Nothing is made: a missing directory is judged by the nearest one above it. */
async function stateProblem(dir: string): Promise<string | undefined> {
  let at = dir.startsWith("/") ? dir : `${Deno.cwd()}/${dir}`;
  for (;;) {
    try {
      const { isDirectory } = await Deno.stat(at);
      if (!isDirectory) return `${at} is no directory`;
      break;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        return error instanceof Error ? error.message : String(error);
      }
      at = at.replace(/\/+[^/]*\/*$/, "") || "/";
    }
  }
  try {
    await Deno.remove(await Deno.makeTempFile({ dir: at, prefix: ".weft-doctor-" }));
  } catch {
    return SqliteStateStore.existsIn(dir) ? "its files cannot be written" : `nothing can be written in ${at}`;
  }
  return undefined;
}

function isPortFree(port: number): boolean {
  try {
    Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port }).close();
    Deno.listen({ hostname: "0.0.0.0", port }).close();
    return true;
  } catch {
    return false;
  }
}
