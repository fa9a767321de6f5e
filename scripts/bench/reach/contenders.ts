/**
 * Meshes of three hosts that are compared: one in the open that all know, and two members in their places.
 * @module
 */

import type { StatusReport } from "../../../lib/api/mod.ts";
import {
  CapturedProcess,
  createScratch,
  expectRun,
  findProgram,
  type Internet,
  type InternetHost,
  nodeOn,
  waitFor,
} from "../../../tests/lab/mod.ts";

/** A member that runs. */
export interface Member {
  readonly host: InternetHost;
  /** Inside the mesh, IPv4. */
  readonly address: string;
}

/** Both members run. */
export interface RunningMesh {
  readonly a: Member;
  readonly b: Member;
  /** From starting the slower of both until it was a member, in milliseconds. */
  readonly upMs: number;
  /** What `a` itself says of its path to `b`; undefined where it says nothing. */
  says(): Promise<string | undefined>;
}

/** Somebody who makes meshes. */
export interface Contender {
  readonly name: string;
  /** Starts `hub`, then `a` and `b` at once; the Internet ends them. @throws Error when a member never comes up */
  open(internet: Internet): Promise<RunningMesh>;
}

/** The names of the hosts that every contender finds. */
export const HOST_NAMES = { hub: "hub", a: "a", b: "b" } as const;

/** weft from source. */
export const weft: Contender = {
  name: "weft",
  async open(internet: Internet): Promise<RunningMesh> {
    const token = await nodeOn(internet, HOST_NAMES.hub).startLeader();
    const nodes = [nodeOn(internet, HOST_NAMES.a), nodeOn(internet, HOST_NAMES.b)] as const;
    const startedAt = performance.now();
    const [a = "", b = ""] = (await Promise.all(nodes.map((node) => node.start("--join", token))))
      .map((status) => status.node.addresses[0]);
    return {
      a: { host: internet.host(HOST_NAMES.a), address: a },
      b: { host: internet.host(HOST_NAMES.b), address: b },
      upMs: performance.now() - startedAt,
      says: async () => weftPath(await nodes[0].status(), b),
    };
  },
};

/** @returns what a node says of its path to whoever has that address: the one place that reads it */
function weftPath(status: StatusReport, address: string): string | undefined {
  const peer = status.peers.find(({ addresses }) => addresses.includes(address));
  return peer === undefined ? undefined : `${peer.path}${peer.endpoint === null ? "" : ` ${peer.endpoint}`}`;
}

/** @returns nebula, when `NEBULA` or the PATH names it; its certificates go away with `stack` */
export async function findNebula(stack: AsyncDisposableStack): Promise<Contender | undefined> {
  const program = Deno.env.get("NEBULA") ?? findProgram("nebula");
  if (program === undefined) return undefined;
  const { path: folder } = stack.use(await createScratch("nebula"));
  const cert = program.replace(/nebula$/, "nebula-cert");
  const authority = ["-ca-crt", `${folder}/ca.crt`, "-ca-key", `${folder}/ca.key`];
  await expectRun([
    cert,
    "ca",
    "-name",
    "reach",
    "-out-crt",
    `${folder}/ca.crt`,
    "-out-key",
    `${folder}/ca.key`,
  ]);
  for (const [name, address] of Object.entries(NEBULA_ADDRESSES)) {
    const files = ["-out-crt", `${folder}/${name}.crt`, "-out-key", `${folder}/${name}.key`];
    await expectRun([cert, "sign", "-name", name, "-networks", `${address}/24`, ...files, ...authority]);
  }
  const version = /[\d.]+/.exec(await expectRun([program, "-version"]))?.[0] ?? "";
  return { name: `nebula ${version}`, open: (internet) => openNebula(internet, program, folder) };
}

const NEBULA_ADDRESSES = { hub: "10.201.0.1", a: "10.201.0.2", b: "10.201.0.3" } as const;
const NEBULA_PORT = 4242;
/** A member that its lighthouse doesn't hear within this will not be heard at all. */
const LIGHTHOUSE_BOUND_MS = 4_000;

/** The hub is lighthouse and relay. */
async function openNebula(internet: Internet, program: string, folder: string): Promise<RunningMesh> {
  const hub = internet.host(HOST_NAMES.hub);
  const start = async (name: keyof typeof NEBULA_ADDRESSES) => {
    const isHub = name === "hub";
    const any = [{ port: "any", proto: "any", host: "any" }];
    const config = {
      pki: { ca: `${folder}/ca.crt`, cert: `${folder}/${name}.crt`, key: `${folder}/${name}.key` },
      static_host_map: {
        [NEBULA_ADDRESSES.hub]: [`${hub.address4}:${NEBULA_PORT}`, `[${hub.address6}]:${NEBULA_PORT}`],
      },
      lighthouse: { am_lighthouse: isHub, ...isHub ? {} : { hosts: [NEBULA_ADDRESSES.hub] } },
      listen: { host: "[::]", port: NEBULA_PORT },
      punchy: { punch: true, respond: true },
      relay: isHub ? { am_relay: true } : { use_relays: true, relays: [NEBULA_ADDRESSES.hub] },
      cipher: "chachapoly",
      tun: { dev: "nebula1", tx_queue: 1000 },
      logging: { level: "error" },
      firewall: { outbound: any, inbound: any },
    };
    const host = internet.host(name);
    // JSON is YAML.
    await Deno.writeTextFile(`${host.folder}/nebula.yml`, JSON.stringify(config));
    const command = host.namespace.command([program, "-config", `${host.folder}/nebula.yml`]);
    const process = internet.use(new CapturedProcess(command, { label: `${name}: nebula` }));
    await process.until(() => host.namespace.hasInterface("nebula1"), 10_000, "it has an interface");
    if (isHub) return;
    const ping = ["ping", "-c", "1", "-W", "1", NEBULA_ADDRESSES.hub];
    const isHeard = async () => (await host.namespace.run(ping)).code === 0;
    await waitFor(isHeard, LIGHTHOUSE_BOUND_MS, { what: `${name} reaches the lighthouse` });
  };
  await start("hub");
  const startedAt = performance.now();
  await Promise.all([start("a"), start("b")]);
  return {
    a: { host: internet.host(HOST_NAMES.a), address: NEBULA_ADDRESSES.a },
    b: { host: internet.host(HOST_NAMES.b), address: NEBULA_ADDRESSES.b },
    upMs: performance.now() - startedAt,
    says: () => Promise.resolve(undefined),
  };
}
