/**
 * How this host can be reached, found out once: by a running node, or without one.
 * @module
 */

import type { FamilyReport, GatewayReport, LeaderDistance, NetcheckReport } from "../../api/mod.ts";
import { type Environment, sleep } from "../../base/mod.ts";
import type { AgentOptions } from "../../config/mod.ts";
import { IpAddress, type IpFamily } from "../../net/mod.ts";
import { isPublic } from "../../port_mapping/mod.ts";
import { openUdp } from "../../transport/mod.ts";
import { type HostView, hostView, ownGateways } from "./gateway.ts";
import { GatewayMapping } from "./gateway_mapping.ts";
import { type GatewayState, mayMap } from "./port_mapping.ts";
import { findServers, probeByStun } from "./stun_probe.ts";

/** All protocols one after the other take 5 s with a router that is silent. */
const MAPPING_MS = 7_000;
const MAPPING_LOOK_MS = 50;

/** What is known, and whom to ask. */
export interface NetcheckParts extends Pick<Environment, "clock" | "timers" | "random" | "log"> {
  readonly options: Pick<
    AgentOptions,
    "portMapping" | "discovery" | "endpoints" | "stunServers" | "interfaceName"
  >;
  /** The environment's variables, of which those that name a proxy are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of a running node; without it a port is mapped for a moment, to see whether it can be. */
  readonly running?: {
    readonly overlayDevices: ReadonlySet<string>;
    readonly gateways: readonly GatewayState[];
    readonly leaders: readonly LeaderDistance[];
    /** Whether packets come from a member directly. */
    readonly hearsByUdp: boolean;
  };
}

/** @returns how this host can be reached, after 12 s at most */
export async function checkNetwork(parts: NetcheckParts): Promise<NetcheckReport> {
  const { options: { interfaceName, stunServers }, running, environment } = parts;
  const host = hostView((name) => name === interfaceName || running?.overlayDevices.has(name) === true);
  const servers = await findServers(stunServers, parts);
  const socket = openUdp({ port: 0 });
  try {
    const [found, gateways] = await Promise.all([
      probeByStun(socket, servers, parts),
      running === undefined ? tryMapping(parts, host) : running.gateways.map(gatewayReport),
    ]);
    const isAnswered = found.results.some(({ rttMs }) => rttMs !== undefined);
    return {
      udp: isAnswered || running?.hearsByUdp === true ? true : servers.length > 0 ? false : null,
      ipv4: familyReport(host, 4),
      ipv6: familyReport(host, 6),
      portMapping: gateways,
      stun: found.results.map(({ server, mapped, rttMs }) => ({
        server: `${server}`,
        ...mapped !== undefined && { mapped: `${mapped}` },
        rttMs: rttMs === undefined ? null : Math.round(10 * rttMs) / 10,
      })),
      mappingVaries: mappingVaries(found.results),
      hairpin: found.hairpin ?? null,
      proxy: proxyOf(environment),
      ...running !== undefined && { leaders: running.leaders },
    };
  } finally {
    socket.close();
  }
}

/** @returns whether servers of one version of IP see different endpoints; null unless two of them have seen one */
function mappingVaries(
  results: readonly { readonly server: { readonly address: IpAddress }; readonly mapped?: unknown }[],
): boolean | null {
  let isCompared = false;
  for (const family of [4, 6]) {
    const seen = results.filter(({ server, mapped }) =>
      server.address.family === family && mapped !== undefined
    );
    if (new Set(seen.map(({ mapped }) => `${mapped}`)).size > 1) return true;
    isCompared ||= seen.length > 1;
  }
  return isCompared ? false : null;
}

/** @returns what the environment's proxy for HTTPS is, `host:port`, as curl reads it; null for none */
export function proxyOf(environment: Readonly<Record<string, string | undefined>>): string | null {
  const { HTTPS_PROXY, https_proxy: lowerCase } = environment;
  const text = HTTPS_PROXY || lowerCase || "";
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (text === "" || url === null || url.hostname === "") return null;
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

function familyReport(host: HostView, family: IpFamily): FamilyReport {
  const addresses = host.interfaces().map(({ address }) => IpAddress.parse(address)).filter((address) =>
    address?.family === family && !address.isLoopback && !address.isLinkLocal
  ) as IpAddress[];
  const gateway = host.defaultRoute(family)?.gateway;
  const isThere = gateway !== undefined && addresses.length > 0 || addresses.some(isPublic);
  return {
    isThere,
    addresses: addresses.map(String),
    ...gateway !== undefined && { gateway: `${gateway}` },
  };
}

/** Maps a port in each gateway, and gives it back; not that of the socket that STUN looks at, which would look different. */
async function tryMapping(
  parts: NetcheckParts,
  host: HostView,
): Promise<readonly GatewayReport[]> {
  const { timers, clock, log } = parts;
  if (!mayMap(parts.options)) return [];
  const never = new AbortController();
  using port = openPort();
  return await Promise.all(
    ownGateways(host).map(async (gateway) => {
      try {
        const mapping = new GatewayMapping({
          ...parts,
          ...gateway,
          port: port.number,
          transports: ["udp"],
          onChange: () => {},
        });
        const until = clock.now() + MAPPING_MS;
        while (mapping.state.kind === "asking" && clock.now() < until) {
          await sleep(timers, MAPPING_LOOK_MS, never.signal);
        }
        const report = gatewayReport({ gateway, state: mapping.state });
        await mapping.close();
        return report;
      } catch (error) {
        log.debug("cannot ask the gateway for a port", { error });
        return { gateway: `${gateway.gateway}`, state: "unmapped" };
      }
    }),
  );
}

/** @returns a UDP port that nobody else has meanwhile */
function openPort(): Disposable & { readonly number: number } {
  const socket = openUdp({ port: 0 });
  return { number: socket.localPort, [Symbol.dispose]: () => socket.close() };
}

/** @returns what is said of a gateway */
export function gatewayReport({ gateway: { gateway }, state }: GatewayState): GatewayReport {
  const base = { gateway: `${gateway}` };
  if (state.kind === "mapped") {
    const { protocol, ports: { udp, tcp } } = state;
    return {
      ...base,
      state: "mapped",
      protocol,
      ...udp !== undefined && { udp: `${udp}` },
      ...tcp !== undefined && { tcp: `${tcp}` },
    };
  }
  if (state.kind !== "unmapped") return { ...base, state: "asking" };
  const { failures, privateAddress } = state;
  return {
    ...base,
    state: "unmapped",
    failures,
    ...privateAddress !== undefined && { privateAddress: `${privateAddress}` },
  };
}
