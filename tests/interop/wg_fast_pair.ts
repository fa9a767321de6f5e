/**
 * Two interfaces of `weft wg` on the fast path, each on a host of its own, that know each other.
 * @module
 */

import {
  type Host,
  type Lab,
  measureThroughput,
  pingMany,
  type Throughput,
  waitFor,
  WgDevice,
  type WgDeviceOptions,
} from "../lab/mod.ts";

/** One end of the tunnel. */
export interface WgEnd {
  readonly host: Host;
  readonly device: WgDevice;
  readonly address4: string;
  readonly address6: string;
}

/** Both ends, and the lab that they live in. */
export interface WgPair {
  readonly lab: Lab;
  readonly a: WgEnd;
  readonly b: WgEnd;
}

/**
 * Starts both on hosts A and B of `lab`, and waits until they reach each other.
 * @param outside what carries the tunnel
 * @param options of both
 */
export async function startWgPair(
  lab: Lab,
  outside: 4 | 6 = 4,
  { workers }: Pick<WgDeviceOptions, "workers"> = {},
): Promise<WgPair> {
  const ends = await Promise.all(["A", "B"].map(async (name, i): Promise<WgEnd> => {
    const host = lab.host(name);
    const [address4, address6] = [`10.9.0.${i + 1}`, `fd00:9::${i + 1}`];
    const addresses = [`${address4}/24`, `${address6}/64`];
    const device = await WgDevice.start(host.namespace, {
      implementation: "weft",
      addresses,
      port: 51820,
      ...workers !== undefined && { workers },
    });
    return { host, device: lab.use(device), address4, address6 };
  }));
  const [a, b] = ends as [WgEnd, WgEnd];
  for (const [mine, theirs] of [[a, b], [b, a]] as const) {
    const to = outside === 4 ? theirs.host.address4 : `[${theirs.host.address6}]`;
    const allowed = `${theirs.address4}/32,${theirs.address6}/128`;
    const { publicKey } = theirs.device.keys;
    await mine.device.setPeer(publicKey, "endpoint", `${to}:51820`, "allowed-ips", allowed);
  }
  await untilReached(a, b);
  return { lab, a, b };
}

/** Waits until pings pass. */
export async function untilReached(from: WgEnd, to: WgEnd, boundMs = 10_000): Promise<void> {
  const what = `${from.host.namespace.label} reaches ${to.host.namespace.label}`;
  await waitFor(async () => await pingMany(from.host, to.address4, 2) === 2, boundMs, { what });
}

/** Carries TCP from one end to the other. @param options of iperf3, for example `["-t", "2"]` */
export function carryTcp(from: WgEnd, to: WgEnd, options: readonly string[]): Promise<Throughput> {
  const server = { place: to.host.namespace, address: to.address4 };
  return measureThroughput(from.host.namespace, server, options);
}
