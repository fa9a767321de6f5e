/**
 * The tunnels that are compared, each between two hosts of the lab, all with an inner MTU of 1420.
 * @module
 */

import {
  CapturedProcess,
  expectRun,
  findProgram,
  type Host,
  type Lab,
  waitFor,
  WgDevice,
  type WgDeviceOptions,
} from "../../tests/lab/mod.ts";

/** Who carries packets, and the name of its column. */
export interface Contender {
  readonly name: string;
  /** Brings a tunnel up, which the lab takes down. */
  open(lab: Lab, hosts: readonly [Host, Host]): Promise<Tunnel>;
}

/** One end: where it is and which process carries its packets. */
export interface TunnelEnd {
  readonly host: Host;
  readonly pid: number;
  /** Of its tunnel, where that has a name of its own. */
  readonly interfaceName?: string;
  /** What `wg` configures. */
  readonly device?: WgDevice;
}

/** Two ends that reach each other's inner addresses. */
export interface Tunnel {
  readonly from: TunnelEnd;
  readonly to: TunnelEnd;
  /** Of `to`, inside, by what to call it. Nebula's certificates of version 1 have IPv4 alone. */
  readonly addresses: { readonly IPv4: string; readonly IPv6?: string };
}

/** What weft can be told to seal with. */
export type WeftCipher = NonNullable<WgDeviceOptions["cipher"]>;

const MTU_BYTES = 1420;
const ADDRESSES = [["10.201.0.1", "fd00:201::1"], ["10.201.0.2", "fd00:201::2"]] as const;
const UP_BOUND_MS = 10_000;

/**
 * @param ciphers that weft is measured with, beside the one that it chooses itself
 * @returns those that can run on this machine; `NEBULA` and `WIREGUARD_GO` name other builds of them
 */
export async function contenders(ciphers: readonly WeftCipher[]): Promise<readonly Contender[]> {
  const wireGuardGo = `wireguard-go ${await wireGuardGoVersion()}`;
  const all: Contender[] = [
    { name: "weft", open: (...where) => openWg(...where, { implementation: "weft" }) },
    ...ciphers.map((cipher): Contender => ({
      name: `weft --cipher ${cipher}`,
      open: (...where) => openWg(...where, { implementation: "weft", cipher }),
    })),
    { name: wireGuardGo, open: (...where) => openWg(...where, { implementation: "wireguard-go" }) },
  ];
  const nebula = Deno.env.get("NEBULA") ?? findProgram("nebula");
  if (nebula !== undefined) {
    const version = /[\d.]+/.exec(await expectRun([nebula, "-version"]))?.[0] ?? "";
    all.push({ name: `nebula ${version}`, open: (...where) => openNebula(...where, nebula) });
  }
  return all;
}

/** @returns a tunnel of one of both */
export async function wireGuardContender(
  options: Pick<WgDeviceOptions, "implementation" | "workers">,
): Promise<Contender> {
  const { implementation, workers = 1 } = options;
  const name = implementation === "weft"
    ? `weft, ${workers} ${workers === 1 ? "worker" : "workers"}`
    : `wireguard-go ${await wireGuardGoVersion()}`;
  return { name, open: (...where) => openWg(...where, options) };
}

/** @returns what wireguard-go calls its version */
async function wireGuardGoVersion(): Promise<string> {
  const output = await expectRun([Deno.env.get("WIREGUARD_GO") ?? "wireguard-go", "--version"]);
  return /v?\d[\w.+~-]*/.exec(output)?.[0] ?? "unknown";
}

async function openWg(
  lab: Lab,
  hosts: readonly [Host, Host],
  options: Pick<WgDeviceOptions, "implementation" | "cipher" | "workers">,
): Promise<Tunnel> {
  const start = async (end: 0 | 1) =>
    lab.use(
      await WgDevice.start(hosts[end].namespace, {
        ...options,
        port: 51820,
        mtuBytes: MTU_BYTES,
        addresses: [`${ADDRESSES[end][0]}/24`, `${ADDRESSES[end][1]}/64`],
      }),
    );
  const devices = [await start(0), await start(1)] as const;
  for (const [own, other] of [[0, 1], [1, 0]] as const) {
    const [v4, v6] = ADDRESSES[other];
    const endpoint = `${hosts[other].address4}:51820`;
    await devices[own].setPeer(
      devices[other].keys.publicKey,
      "endpoint",
      endpoint,
      "allowed-ips",
      `${v4}/32,${v6}/128`,
    );
  }
  const [[IPv4, IPv6]] = ADDRESSES;
  return {
    to: endOf(hosts[0], devices[0]),
    from: endOf(hosts[1], devices[1]),
    addresses: { IPv4, IPv6 },
  };
}

function endOf(host: Host, device: WgDevice): TunnelEnd {
  return { host, device, pid: device.process.pid, interfaceName: device.name };
}

/** A network of two with a certificate authority of its own, and the cipher that WireGuard has. */
async function openNebula(lab: Lab, hosts: readonly [Host, Host], program: string): Promise<Tunnel> {
  const folder = hosts[0].folder;
  const cert = program.replace(/nebula$/, "nebula-cert");
  await expectRun([
    cert,
    "ca",
    "-name",
    "bench",
    "-out-crt",
    `${folder}/ca.crt`,
    "-out-key",
    `${folder}/ca.key`,
  ]);
  const start = async (end: 0 | 1) => {
    const other = 1 - end as 0 | 1;
    const files = ["-out-crt", `${folder}/${end}.crt`, "-out-key", `${folder}/${end}.key`];
    const authority = ["-ca-crt", `${folder}/ca.crt`, "-ca-key", `${folder}/ca.key`];
    await expectRun([
      cert,
      "sign",
      ...["-name", `end-${end}`, "-ip", `${ADDRESSES[end][0]}/24`],
      ...files,
      ...authority,
    ]);
    const config = {
      pki: { ca: `${folder}/ca.crt`, cert: `${folder}/${end}.crt`, key: `${folder}/${end}.key` },
      static_host_map: { [ADDRESSES[other][0]]: [`${hosts[other].address4}:4242`] },
      lighthouse: { am_lighthouse: false },
      listen: { host: "0.0.0.0", port: 4242 },
      cipher: "chachapoly",
      tun: { dev: "nebula1", mtu: MTU_BYTES, tx_queue: 1000 },
      logging: { level: "error" },
      firewall: {
        outbound: [{ port: "any", proto: "any", host: "any" }],
        inbound: [{ port: "any", proto: "any", host: "any" }],
      },
    };
    // JSON is YAML.
    await Deno.writeTextFile(`${folder}/${end}.yml`, JSON.stringify(config));
    const command = hosts[end].namespace.command([program, "-config", `${folder}/${end}.yml`]);
    return lab.use(new CapturedProcess(command, { label: `${hosts[end].namespace.label}: nebula` }));
  };
  const [to, from] = [await start(0), await start(1)];
  const [[address]] = ADDRESSES;
  const ping = ["ping", "-c", "1", "-W", "1", address];
  await waitFor(async () => (await hosts[1].namespace.run(ping)).code === 0, UP_BOUND_MS, {
    what: "nebula is up",
  });
  return {
    to: { host: hosts[0], pid: to.pid },
    from: { host: hosts[1], pid: from.pid },
    addresses: { IPv4: address },
  };
}
