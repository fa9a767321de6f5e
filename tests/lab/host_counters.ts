/**
 * What a host itself has lost of the datagrams that reached it: so that a test can tell whether a program lost any.
 * @module
 */

import type { NetworkNamespace } from "./namespace.ts";

/** Since the namespace was made. */
export interface HostLosses {
  /** Of all sockets that are full, by the kernel's own count. */
  readonly fullSockets: number;
  /** Of the open sockets of one port. */
  readonly atPort: number;
  /** Datagrams that came in fragments, of which one was missing. */
  readonly fragments: number;
}

/** @param port of UDP */
export async function hostLosses(namespace: NetworkNamespace, port: number): Promise<HostLosses> {
  const read = (name: string) => namespace.expectRun(["cat", `/proc/net/${name}`]);
  const [snmp, snmp6, udp, udp6] = [
    await read("snmp"),
    await read("snmp6"),
    await read("udp"),
    await read("udp6"),
  ];
  // `sl local_address … drops`, the port in hexadecimal.
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const drops = `${udp}${udp6}`.matchAll(new RegExp(`^ *\\d+: [0-9A-F]+:${hex} .* (\\d+) *$`, "gm"));
  return {
    fullSockets: named(snmp, "Udp", "RcvbufErrors") + listed(snmp6, "Udp6RcvbufErrors"),
    atPort: [...drops].reduce((sum, [, count]) => sum + Number(count), 0),
    fragments: named(snmp, "Ip", "ReasmFails") + listed(snmp6, "Ip6ReasmFails"),
  };
}

/** A line of names, then one of values. */
function named(text: string, protocol: string, name: string): number {
  const [names, values] = text.split("\n").filter((line) => line.startsWith(`${protocol}: `)).map((line) =>
    line.split(" ")
  );
  return Number(values?.[names?.indexOf(name) ?? 0] ?? 0);
}

/** A line for each. */
function listed(text: string, name: string): number {
  return Number(
    text.split("\n").find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}\t`))?.split(
      /\s+/,
    )[1] ?? 0,
  );
}
