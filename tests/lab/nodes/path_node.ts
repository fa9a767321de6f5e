// deno-lint-ignore-file no-console -- whoever starts it reads what it says
/**
 * A program with one packet plane of two, told how long packets on the path between them may be: what an agent finds out,
 * without an agent. Its argument is a `PathNodeSetup` as JSON. It prints a line for each probe that comes, and sends its own
 * when it gets SIGUSR1.
 * @module
 */

import { SeededRandom, silentLogger } from "../../../lib/base/mod.ts";
import { PrivateKey } from "../../../lib/crypto/mod.ts";
import { openPlane } from "../../../lib/dataplane/mod.ts";
import { Netlink } from "../../../lib/host/mod.ts";
import { Cidr, Endpoint, IpAddress } from "../../../lib/net/mod.ts";

/** What a node is told. */
export interface PathNodeSetup {
  /** 1 or 2. */
  readonly end: number;
  readonly endpoint: string;
  readonly choice: "fast" | "portable";
  /** The longest inner packet. */
  readonly pathMtuBytes: number;
  /** How long probes are to be. */
  readonly probeBytes: readonly number[];
}

const PROBE_ID = "0123456789abcdef";

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError("Cannot read the setup");
  return value;
}

function probe(lengthBytes: number): Uint8Array {
  const datagram = new Uint8Array(lengthBytes);
  datagram[0] = 0x77;
  datagram.set(Uint8Array.fromHex(PROBE_ID), 4);
  return datagram;
}

if (import.meta.main) {
  const { end, endpoint, choice, pathMtuBytes, probeBytes } = JSON.parse(Deno.args[0] ?? "") as PathNodeSetup;
  const other = 3 - end;
  const keys = [1, 2].map((seed) => PrivateKey.generate(new SeededRandom(seed)));
  const plane = await openPlane({
    interfaceName: "weft0",
    mtuBytes: 1420,
    choice,
    observer: () => {},
    onProbe: (datagram) => console.log(`probe ${datagram.length}`),
    log: silentLogger,
  });
  plane.setPrivateKey(needed(keys[end - 1]));
  plane.listen({ port: 51820, fwmark: 0 });
  const { publicKey } = needed(keys[other - 1]);
  const remote = needed(Endpoint.parse(endpoint));
  plane.setPeer({
    publicKey,
    allowedIps: [needed(Cidr.parse(`10.201.0.${other}/32`)), needed(Cidr.parse(`fd00:201::${other}/128`))],
  });
  plane.setPath(publicKey, remote);
  plane.setPathMtu(publicKey, pathMtuBytes);
  plane.changeProbeIds({ add: [PROBE_ID] });
  {
    using netlink = Netlink.open();
    netlink.addAddress("weft0", needed(IpAddress.parse(`10.201.0.${end}`)), 24);
    netlink.addAddress("weft0", needed(IpAddress.parse(`fd00:201::${end}`)), 64);
    netlink.setLinkUp("weft0", 1420);
  }
  Deno.addSignalListener("SIGUSR1", () => {
    for (const lengthBytes of probeBytes) plane.sendProbe(probe(lengthBytes), remote);
  });
  console.log("ready");
  await plane.ended;
}
