// deno-lint-ignore-file no-console -- whoever starts it reads what it says
/**
 * A program with one packet plane of two, and one endpoint of each overlay network on a TAP: what an agent sets up, without
 * an agent. Its argument is a `FrameNodeSetup` as JSON. It prints a line of JSON with all counts when it gets SIGUSR1.
 * @module
 */

import { SeededRandom, silentLogger } from "../../../lib/base/mod.ts";
import { PrivateKey } from "../../../lib/crypto/mod.ts";
import { openPlane, superpacketBounds } from "../../../lib/dataplane/mod.ts";
import { Netlink, openReadyTap } from "../../../lib/host/mod.ts";
import { Cidr, Endpoint, IpAddress, MacAddress } from "../../../lib/net/mod.ts";

/** One network of both ends. */
export interface FrameNodeNetwork {
  readonly name: string;
  readonly driver: string;
  readonly identifier: number;
  readonly mtuBytes: number;
  readonly options?: Readonly<Record<string, string>>;
  /** The first three bytes of the block, for example `10.0.0`. */
  readonly block: string;
}

/** What a node is told. */
export interface FrameNodeSetup {
  /** 1 or 2. */
  readonly end: number;
  readonly endpoint: string;
  readonly choice: "fast" | "portable";
  readonly networks: readonly FrameNodeNetwork[];
  /** The longest packet of the mesh that the path takes, where that is less than its MTU. */
  readonly pathMtuBytes?: number;
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError("Cannot read the setup");
  return value;
}

if (import.meta.main) {
  const setup = JSON.parse(Deno.args[0] ?? "") as FrameNodeSetup;
  const { end, choice } = setup;
  const other = 3 - end;
  const keys = [1, 2].map((seed) => PrivateKey.generate(new SeededRandom(seed)));
  const plane = await openPlane({
    interfaceName: "weft0",
    mtuBytes: 1420,
    choice,
    observer: () => {},
    onPortEvent: (event) => console.log(JSON.stringify({ event })),
    log: silentLogger,
  });
  plane.setPrivateKey(needed(keys[end - 1]));
  plane.listen({ port: 51820, fwmark: 0 });
  const publicKey = needed(keys[other - 1]).publicKey;
  plane.setPeer({
    publicKey,
    endpoint: needed(Endpoint.parse(setup.endpoint)),
    allowedIps: [needed(Cidr.parse(`10.201.0.${other}/32`)), needed(Cidr.parse(`fd00:201::${other}/128`))],
  });
  plane.setPathMtu(publicKey, setup.pathMtuBytes);
  {
    using netlink = Netlink.open();
    netlink.addAddress("weft0", needed(IpAddress.parse(`10.201.0.${end}`)), 24);
    netlink.setLinkUp("weft0", 1420);
  }
  const { frames } = plane;
  frames.setOwnAddresses([`10.201.0.${end}`, `fd00:201::${end}`]);
  for (const [i, network] of setup.networks.entries()) {
    const number = i + 1;
    const [own, remote] = [10 * number + 1, 10 * number + 2];
    const mac = (of: number) => `02:00:00:00:0${number}:0${of}`;
    const address = (of: number) => `${network.block}.${of}`;
    const { mtuBytes, block: _, ...definition } = network;
    const tap = openReadyTap({
      name: network.name,
      mtuBytes,
      hasHeader: plane.kind === "fast",
      mac: needed(MacAddress.parse(mac(end))),
      addresses: [{ address: needed(IpAddress.parse(address(end))), prefixBits: 24 }],
      superpackets: superpacketBounds(mtuBytes, 1420 - mtuBytes),
    });
    frames.setNetwork({
      options: {},
      ...definition,
      network: number,
      mtuBytes,
      underlay: { kind: "mesh" },
    });
    frames.setPort({
      port: own,
      network: number,
      name: network.name,
      allowsForeign: false,
      device: {
        kind: "descriptor",
        fd: tap.fd,
        hasHeader: plane.kind === "fast",
        offloads: tap.offloads,
        of: "tap",
      },
    });
    frames.setRemote({
      port: remote,
      network: number,
      allowsForeign: false,
      via: { kind: "member", publicKey: publicKey.toString(), address: `10.201.0.${other}` },
    });
    frames.setBinding({ network: number, port: own, mac: mac(end), addresses: [address(end)] });
    frames.setBinding({ network: number, port: remote, mac: mac(other), addresses: [address(other)] });
  }
  Deno.addSignalListener("SIGUSR1", () => {
    const counts = setup.networks.map((_, i) => frames.networkCounts(i + 1));
    console.log(JSON.stringify({ counts, drops: plane.drops() }));
  });
  console.log("ready");
  await plane.ended;
}
