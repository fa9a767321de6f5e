/**
 * Which systems can be compared on this machine.
 * @module
 */

import { expectRun, findProgram } from "../../../tests/lab/mod.ts";
import { type Contender, makeCertificate, moleculer, nats, weft } from "./contenders.ts";
import { installPeers, MOLECULER_NODE_MAJOR, PACKAGES, type Peers } from "./peers.ts";

/** Those that can, and what to say of them and of those that cannot. */
export interface Found {
  readonly contenders: readonly Contender[];
  readonly notes: readonly string[];
}

/**
 * Installs what they need.
 * @param stack ends what runs
 * @param folder an empty one, for everything that they write
 */
export async function findContenders(stack: AsyncDisposableStack, folder: string): Promise<Found> {
  const own = weft(folder);
  const peers = await installPeers(stack, folder);
  if (typeof peers === "string") {
    return { contenders: [own], notes: [`Left out NATS and Moleculer: ${peers}`] };
  }
  const versions = `Node.js ${peers.nodeVersion}, ${Object.values(PACKAGES).join(", ")}`;
  const { contenders, notes } = await findNats(peers, folder);
  const isOld = Number(/\d+/.exec(peers.nodeVersion)?.[0]) < MOLECULER_NODE_MAJOR;
  return {
    contenders: [own, ...contenders, moleculer(peers)],
    notes: [
      versions,
      ...notes,
      ...(isOld ? [`Moleculer asks for Node.js ${MOLECULER_NODE_MAJOR}; NODE may name a newer one`] : []),
    ],
  };
}

async function findNats(peers: Peers, folder: string): Promise<Found> {
  const server = Deno.env.get("NATS_SERVER") ?? findProgram("nats-server");
  if (server === undefined) {
    return {
      contenders: [],
      notes: ["Left out NATS: needs nats-server on the PATH or its path in NATS_SERVER"],
    };
  }
  const version = (await expectRun([server, "--version"])).trim().replace(":", "");
  const plain = nats(peers, server);
  const openssl = findProgram("openssl");
  if (openssl === undefined) {
    return { contenders: [plain], notes: [version, "Left out NATS with TLS: needs openssl"] };
  }
  const encrypted = nats(peers, server, await makeCertificate(openssl, folder));
  return { contenders: [plain, encrypted], notes: [version] };
}
