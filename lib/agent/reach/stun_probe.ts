/**
 * One socket being looked at from outside: by STUN servers, and by this host itself, around its NAT.
 * @module
 */

import { type Environment, randomBytes, sleep, withTimeout } from "../../base/mod.ts";
import type { NamedEndpointOption } from "../../config/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import {
  decodeStun,
  encodeBindingRequest,
  isOfTransaction,
  StunClient,
  type StunResult,
  TRANSACTION_ID_BYTES,
} from "../../stun/mod.ts";
import type { DatagramSocket } from "../../transport/mod.ts";
import { openUdp } from "../../transport/mod.ts";

const LOOKUP_MS = 3_000;
const HAIRPIN_TRIES = 3;
const HAIRPIN_WAIT_MS = 300;

/** What was seen. */
export interface StunFindings {
  readonly results: readonly StunResult[];
  /** Whether the NAT leads back what this host sends to its outside; undefined when no server has said where that is. */
  readonly hairpin: boolean | undefined;
}

/** @returns the addresses of the servers, of a name the first of each version of IP; nothing for a name without one */
export async function findServers(
  servers: readonly (Endpoint | NamedEndpointOption)[],
  { timers }: Pick<Environment, "timers">,
): Promise<readonly Endpoint[]> {
  const found = await Promise.all(servers.map(async (server) => {
    if (server instanceof Endpoint) return [server];
    const all = lookup(server.hostname).catch(() => []);
    const addresses = (await withTimeout(timers, LOOKUP_MS, all) ?? []).map(({ address }) =>
      IpAddress.parse(address)
    );
    const firsts = ([4, 6] as const).map((family) => addresses.find((address) => address?.family === family));
    return firsts.flatMap((address) => address === undefined ? [] : [new Endpoint(address, server.port)]);
  }));
  return found.flat();
}

async function lookup(hostname: string) {
  const { lookup } = await import("node:dns/promises");
  return await lookup(hostname, { all: true });
}

/** @param socket is read until it is closed, by nobody else @returns what the servers see of it, after 4.5 s at most */
export async function probeByStun(
  socket: DatagramSocket,
  servers: readonly Endpoint[],
  environment: Pick<Environment, "clock" | "timers" | "random">,
): Promise<StunFindings> {
  if (servers.length === 0) return { results: [], hairpin: undefined };
  const { clock, timers, random } = environment;
  const client = new StunClient(clock.now(), servers, random);
  const hairpinId = randomBytes(random, TRANSACTION_ID_BYTES);
  const stop = new AbortController();
  let isBack = false;
  let wake = (): void => {};
  const read = async (): Promise<void> => {
    for (;;) {
      const batch = await socket.receiveBatch();
      if (batch === undefined) return;
      for (let i = 0; i < batch.count; i++) {
        const message = decodeStun(batch.datagram(i));
        if (message?.kind === "request" && isOfTransaction(message, hairpinId)) isBack = true;
        else client.handleDatagram(clock.now(), batch.datagram(i), batch.source(i));
      }
      wake();
    }
  };
  void read();
  while (!client.isDone) {
    client.handleTimeout(clock.now());
    for (let out = client.pollTransmit(); out !== undefined; out = client.pollTransmit()) {
      socket.send(out.datagram, out.destination);
    }
    const at = client.pollTimeout();
    if (at === undefined) break;
    const woken = Promise.withResolvers<void>();
    wake = () => woken.resolve();
    await Promise.race([woken.promise, sleep(timers, Math.max(1, at - clock.now()), stop.signal)]);
  }
  const outside = client.results.find(({ mapped }) => mapped !== undefined)?.mapped;
  if (outside === undefined) return { results: client.results, hairpin: undefined };
  // From another port, as another host would.
  const other = openUdp({ port: 0 });
  try {
    for (let tries = 0; tries < HAIRPIN_TRIES && !isBack; tries++) {
      other.send(encodeBindingRequest(hairpinId), outside);
      const woken = Promise.withResolvers<void>();
      wake = () => isBack && woken.resolve();
      await Promise.race([woken.promise, sleep(timers, HAIRPIN_WAIT_MS, stop.signal)]);
    }
  } finally {
    other.close();
    stop.abort();
  }
  return { results: client.results, hairpin: isBack };
}
