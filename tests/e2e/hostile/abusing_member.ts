/**
 * A member that has its target hold as much as it can: `TOKEN NAME STATE_DIR PORT TARGET SECONDS SEED KIND`, of which the
 * last is `bombs` for values that inflate a thousandfold, or `all`. It joins as everybody does, and then says over
 * channels of its own what no honest member says. Only for targets inside a lab.
 * @module
 */

import { deflateRawSync } from "node:zlib";
import { randomFraction, SeededRandom } from "../../../lib/base/mod.ts";
import { type Channel, openChannel } from "../../../lib/channel/mod.ts";
import { SqliteStateStore, systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import { IpAllocator } from "../../../lib/ipam/mod.ts";
import { encodeHello, MESH_TOPIC, MeshState } from "../../../lib/mesh/mod.ts";
import { Endpoint } from "../../../lib/net/mod.ts";
import { Compression, encodeMessage, Encoding, NodeMessageSchema } from "../../../lib/proto/mod.ts";
import { dialTcp } from "../../../lib/transport/mod.ts";
import { Node } from "../../../mod.ts";

const TOPIC = "service";
const BOMB_BYTES = 15 << 20;
/** So often there is a wave. */
const WAVE_MS = 100;
const CALLS_OF_WAVE = 32;

const [token = "", name = "", stateDir = "", port = "", target = "", seconds = "", seed = "", kind = ""] =
  Deno.args;
const random = new SeededRandom(Number(seed));
const node = await Node.join(token, { name, stateDir, port, endpoints: `127.0.0.1:${port}` });
await node.stop();
using store = SqliteStateStore.open(stateDir);
const mesh = MeshState.load(store, {
  random: systemRandom,
  clock: systemClock,
  addressPool: (cidr) => new IpAllocator(cidr),
});
const member = mesh.roster.byName("target");
const endpoint = Endpoint.parse(target);
if (member === undefined || endpoint === undefined) throw new Error("There is no target");

const zeros = new Uint8Array(deflateRawSync(new Uint8Array(BOMB_BYTES).fill(0x20)));
/** A sixteenth of it, which is what a structured value may be: it is inflated where nobody checks who calls. */
const spaces = new Uint8Array(deflateRawSync(new Uint8Array(1 << 20).fill(0x20)));
const shapes = new TextEncoder().encode(
  `[${Array.from({ length: 2_500 }, (_, i) => `{"${i.toString(36)}":0}`).join(",")}]`,
);
const PATHS = [
  "$registry/list",
  "$registry/pause",
  "$events/past",
  "nobody/offers",
  "work/answer",
  "work/hold",
];
let lastNumber = 0;
let waves = 0;
let channel = await open();
const endsAt = performance.now() + Number(seconds) * 1_000;
// deno-lint-ignore no-console -- the test reads it
console.log("ready");
while (performance.now() < endsAt) {
  if (!channel.isOpen) channel = await open();
  for (let i = 0; i < CALLS_OF_WAVE; i++) abuse(channel);
  // A socket that comes and goes.
  if (++waves % 10 === 0) (await dialTcp(endpoint, { timeoutMs: 5_000 }))?.close();
  if (waves % 25 === 0) channel.close();
  await new Promise((resolve) => setTimeout(resolve, WAVE_MS));
}
channel.close();
await channel.closed;
// deno-lint-ignore no-console -- the test reads it
console.log("done", lastNumber);

async function open(): Promise<Channel> {
  const stream = await dialTcp(endpoint as Endpoint, { timeoutMs: 5_000 });
  if (stream === undefined || member === undefined) throw new Error("the target does not answer");
  const { identity, network } = mesh;
  return await openChannel(stream, {
    localStatic: identity.privateKey,
    remoteStatic: member.record.publicKey,
    hello: encodeHello({ kind: "member", networkId: network.id, nodeId: identity.id }),
    random: systemRandom,
    clock: systemClock,
    timers: systemTimers,
    prepare: (channel) => channel.attach(TOPIC, () => {}),
  });
}

/** One of the things that no honest member does; what the channel does not take is lost. */
function abuse(channel: Channel): void {
  const path = PATHS[draw(PATHS.length)] ?? "";
  switch (draw(kind === "bombs" ? 2 : 8)) {
    case 0:
      return post(request(path, { encoding: Encoding.JSON, data: zeros, compression: Compression.DEFLATE }));
    case 1:
      return post(
        request("work/hold", { encoding: Encoding.BINARY, data: zeros, compression: Compression.DEFLATE }),
      );
    case 2: {
      const value = { encoding: Encoding.JSON, data: spaces, compression: Compression.DEFLATE };
      return post(request(path, { ...value, plainBytes: 1n << 20n }));
    }
    case 3: {
      const value = { encoding: Encoding.BINARY, data: zeros, compression: Compression.DEFLATE };
      return post(request("work/hold", { ...value, plainBytes: BigInt(BOMB_BYTES) }));
    }
    case 4:
      return post(request(path, { encoding: Encoding.JSON, data: shapes }));
    case 5: {
      // Something that never comes to its end.
      const value = { encoding: Encoding.BINARY, detachedBytes: BigInt(BOMB_BYTES) };
      const stream = channel.openStream(TOPIC, request("work/hold", value));
      return void stream.write(new Uint8Array(60_000));
    }
    case 6:
      return post(Uint8Array.from({ length: 200_000 }, (_, i) => i % 2 === 0 ? 0x32 : 0));
    default: {
      // Empty items, as many as there is room for.
      const body = new Uint8Array(500_004);
      body.set([0x1a, 0x9c, 0xc2, 0x1e]);
      for (let at = 4; at < body.length; at += 2) body[at] = 0x0a;
      return void channel.post(MESH_TOPIC, body);
    }
  }
}

function post(body: Uint8Array): void {
  if (channel.isOpen) channel.post(TOPIC, body);
}

type ValueFields = {
  readonly encoding: Encoding;
  readonly data?: Uint8Array;
  readonly compression?: Compression;
  readonly detachedBytes?: bigint;
  readonly plainBytes?: bigint;
};

function request(path: string, params: ValueFields): Uint8Array {
  const value = { number: BigInt(++lastNumber), callerRun: 1n, path, timeoutMs: 60_000, params };
  return encodeMessage(NodeMessageSchema, { payload: { case: "request", value } });
}

function draw(below: number): number {
  return Math.floor(randomFraction(random) * below);
}
