/**
 * Finding out how a NAT behaves, from outside and inside of it (RFC 5780).
 * @module
 */

import { expectRun } from "../captured_process.ts";
import { labProgram, startProgram } from "../programs.ts";
import type { Internet } from "./internet.ts";
import type { InternetHost } from "./internet_host.ts";
import type { Filtering, Mapping } from "./network.ts";

/** Somebody outside who answers from two addresses and two ports. */
export interface NatResponder {
  readonly ipv4: readonly [string, string];
  readonly ipv6: readonly [string, string];
}

/** What was found out. */
export interface NatFindings {
  readonly hasUdp: boolean;
  /** Where the responder saw the host, `address:port`. */
  readonly seen?: string;
  readonly mapping?: Mapping;
  readonly filtering?: Filtering;
  /** Whether an answer passed that came later, when that was asked. */
  readonly isLateHeard?: boolean;
}

const PORTS = ["3478", "3479"] as const;

/** Starts a responder on an open host; the Internet ends it. */
export async function startNatResponder(internet: Internet, host: InternetHost): Promise<NatResponder> {
  const { address4 = "", address6 = "" } = host;
  const other6 = address6.replace(/::1$/, "::2");
  await host.namespace.ip(`addr add ${other6}/128 dev eth0 nodad`);
  const ipv4 = [address4, await internet.addAddress(host)] as const;
  const ipv6 = [address6, other6] as const;
  for (const addresses of [ipv4, ipv6]) {
    internet.use(await startProgram(host.namespace, "nat_responder.ts", [...addresses, ...PORTS]));
  }
  return { ipv4, ipv6 };
}

/** What to look at. */
export interface NatProbeOptions {
  readonly family?: "ipv4" | "ipv6";
  readonly localPort?: number;
  /** Looks only where it is seen, and whether an answer passes that comes so many milliseconds later. */
  readonly afterMs?: number;
}

/** Asks a responder from a host. */
export async function probeNat(
  host: InternetHost,
  responder: NatResponder,
  { family = "ipv4", localPort = 40_000, afterMs }: NatProbeOptions = {},
): Promise<NatFindings> {
  const late = afterMs === undefined ? [] : [String(afterMs)];
  const args = [String(localPort), ...responder[family], ...PORTS, ...late];
  return JSON.parse(await expectRun(host.namespace.command(labProgram("nat_prober.ts", args))));
}
