/**
 * Sends superpackets of UDP through an interface as fast as it can: `wg_fast_blast.ts SOURCE MILLISECONDS DESTINATION…`,
 * IPv4 addresses all of them, to each destination in turn. Only for interfaces of a lab.
 * @module
 */

import { IpAddress } from "../../lib/net/mod.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** The host cuts what is sent to datagrams of this size: with their headers they have an MTU of 1420. */
const SEGMENT_BYTES = 1392;
const SEGMENTS = 40;

if (import.meta.main) {
  const [source = "", milliseconds, ...destinations] = Deno.args;
  blast(source, Number(milliseconds), destinations);
}

function blast(source: string, milliseconds: number, destinations: readonly string[]): void {
  const { symbols: libc } = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  });
  const fd = libc.socket(AF_INET, SOCK_DGRAM, 0);
  libc.setsockopt(fd, SOL_UDP, UDP_SEGMENT, new Uint8Array(Int32Array.of(SEGMENT_BYTES).buffer), 4);
  if (libc.bind(fd, socketAddress(source, 0), 16) < 0) throw new Error(`Cannot send from ${source}`);
  const payload = new Uint8Array(SEGMENTS * SEGMENT_BYTES);
  const to = destinations.map((destination) => socketAddress(destination, 9));
  const length = BigInt(payload.length);
  for (const end = performance.now() + milliseconds; performance.now() < end;) {
    for (const address of to) libc.sendto(fd, payload, length, 0, address, 16);
  }
}

/** `struct sockaddr_in` */
function socketAddress(text: string, port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  address[0] = AF_INET;
  address[3] = port;
  address.set(IpAddress.parse(text)?.bytes ?? [], 4);
  return address;
}
