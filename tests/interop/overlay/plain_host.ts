// deno-lint-ignore-file no-console -- whoever starts it reads what it says
/**
 * A program with a fast packet plane that carries networks of plain underlays: what an agent sets up, without an agent. Its
 * argument is a `PlainHostSetup` as JSON. It prints `ready`, what happens at ports, and all counts when it gets SIGUSR1.
 * @module
 */

import { SeededRandom, silentLogger } from "../../../lib/base/mod.ts";
import { PrivateKey } from "../../../lib/crypto/mod.ts";
import { openPlane, type PlaneUnderlay, type PortDevice } from "../../../lib/dataplane/mod.ts";
import { openPacketSocket, openReadyTap } from "../../../lib/host/mod.ts";
import { Cidr, MacAddress } from "../../../lib/net/mod.ts";

/** One network of this host. */
export interface PlainHostNetwork {
  readonly driver: string;
  readonly identifier: number;
  readonly mtuBytes: number;
  readonly options?: Readonly<Record<string, string>>;
  readonly underlay: Extract<PlaneUnderlay, { readonly kind: "plain" }>;
  /** Addresses of hosts, the group's, or any word for a link. */
  readonly remotes: readonly string[];
  readonly tap?: { readonly name: string; readonly mac: string; readonly address: string };
  /** Who is at the first remote: a network of IP packets has to know. */
  readonly peer?: { readonly mac: string; readonly address: string };
  /** An interface that is bridged in. */
  readonly attach?: string;
}

/** What the program is told. */
export interface PlainHostSetup {
  readonly networks: readonly PlainHostNetwork[];
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError("Cannot read the setup");
  return value;
}

if (import.meta.main) {
  const setup = JSON.parse(Deno.args[0] ?? "") as PlainHostSetup;
  const plane = await openPlane({
    interfaceName: "weft0",
    mtuBytes: 1420,
    choice: "fast",
    observer: () => {},
    onPortEvent: (event) => console.log(JSON.stringify({ event })),
    log: silentLogger,
  });
  plane.setPrivateKey(PrivateKey.generate(new SeededRandom(1)));
  const { frames } = plane;
  for (const [i, definition] of setup.networks.entries()) {
    const network = i + 1;
    let port = 100 * network;
    const { tap, attach, peer, remotes, ...rest } = definition;
    frames.setNetwork({ options: {}, name: `plain${network}`, ...rest, network });
    const descriptor = (
      fd: number,
      of: "tap" | "packet-socket",
      offloads: { tso: boolean; uso: boolean },
    ): PortDevice => ({ kind: "descriptor", fd, hasHeader: true, offloads, of });
    if (tap !== undefined) {
      const [address = "", bits = "24"] = tap.address.split("/");
      const prefixBits = Number(bits);
      const ip = needed(Cidr.parse(`${address}/${address.includes(":") ? 128 : 32}`)).address;
      const mac = needed(MacAddress.parse(tap.mac));
      const made = openReadyTap({
        name: tap.name,
        mtuBytes: rest.mtuBytes,
        hasHeader: true,
        mac,
        addresses: [{ address: ip, prefixBits }],
      });
      const device = descriptor(made.fd, "tap", made.offloads);
      frames.setPort({ port: ++port, network, name: tap.name, allowsForeign: false, device });
      frames.setBinding({ network, port, mac: tap.mac, addresses: [address] });
    }
    if (attach !== undefined) {
      const socket = openPacketSocket({ interfaceName: attach });
      const device = descriptor(socket.fd, "packet-socket", { tso: true, uso: true });
      frames.setPort({ port: ++port, network, name: attach, allowsForeign: true, device });
    }
    for (const address of remotes) {
      frames.setRemote({ port: ++port, network, allowsForeign: true, via: { kind: "plain", address } });
    }
    if (peer !== undefined) {
      frames.setBinding({ network, port, mac: peer.mac, addresses: [peer.address] });
    }
  }
  Deno.addSignalListener("SIGUSR1", () => {
    console.log(JSON.stringify({ counts: setup.networks.map((_, i) => frames.networkCounts(i + 1)) }));
  });
  console.log("ready");
  await plane.ended;
}
