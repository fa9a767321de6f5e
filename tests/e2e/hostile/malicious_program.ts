/**
 * A malicious member as a process of its own, so that what it does costs its victim and not the test: it does everything
 * that a member can do, as fast as it can. `malicious_program.ts JSON` takes an `Abuse`, prints `ready` when it begins and
 * `done` with how often it did what. Only for targets inside a test.
 * @module
 */

import { deflateRawSync } from "node:zlib";
import { randomBytes, unixMillis, utf8Bytes } from "../../../lib/base/mod.ts";
import { PublicKey } from "../../../lib/crypto/mod.ts";
import { systemRandom } from "../../../lib/host/mod.ts";
import { signStatement } from "../../../lib/mesh/mod.ts";
import { Endpoint } from "../../../lib/net/mod.ts";
import { Compression, Encoding } from "../../../lib/proto/mod.ts";
import { encodeAdvert, NO_VALUE } from "../../../lib/service/wire/mod.ts";
import { NodeMessageEncoder } from "../../../lib/service/wire/node_message.ts";
import { dialTcp } from "../../../lib/transport/mod.ts";
import { MaliciousMember, type Target } from "./malicious_member.ts";

/** Whom to trouble, and for how long. */
export interface Abuse {
  readonly token: string;
  readonly publicKey: string;
  /** `address:port` of the leader's message plane. */
  readonly endpoint: string;
  /** A topic that is another one's, and an action that is not for everybody. */
  readonly topic: string;
  readonly action: string;
  readonly seconds: number;
}

/** Of deflated zeros, 16 KB are 15 MB. */
const BOMB = deflateRawSync(new Uint8Array(15 << 20));
const STREAMS = 64;

if (import.meta.main) {
  const abuse: Abuse = JSON.parse(Deno.args[0] ?? "{}");
  const publicKey = PublicKey.parse(abuse.publicKey);
  if (publicKey === undefined) throw new TypeError("No key");
  const target: Target = { publicKey, endpoint: abuse.endpoint };
  const member = await MaliciousMember.join(abuse.token, target, "mallory");
  if (member === undefined) throw new Error("It was not let in");
  member.isPatient = false;
  // deno-lint-ignore no-console -- the test reads it
  console.log("ready");
  const counts: Record<string, number> = {};
  const until = performance.now() + abuse.seconds * 1000;
  await Promise.all(
    Object.entries(acts(member, target, abuse)).map(async ([name, act]) => {
      for (counts[name] = 0; performance.now() < until; counts[name]++) {
        // Whatever ends its link, it begins anew.
        await act().catch(() => new Promise((resolve) => setTimeout(resolve, 50)));
      }
    }),
  );
  // deno-lint-ignore no-console -- the test reads it
  console.log("done", JSON.stringify(counts));
  Deno.exit(0);
}

/** Everything that it does, each in a loop of its own. */
function acts(
  member: MaliciousMember,
  target: Target,
  { topic, action }: Abuse,
): Record<string, () => Promise<void>> {
  const { identity } = member.mesh;
  const encoder = new NodeMessageEncoder();
  const bomb = { ...NO_VALUE, encoding: Encoding.JSON, compression: Compression.DEFLATE, data: BOMB };
  let number = 0;
  const call = (path: string) =>
    encoder.encode({
      kind: "request",
      number: ++number,
      callerRun: 1,
      providerRun: 0,
      path,
      params: bomb,
      timeoutMs: 10_000,
      streamsParams: false,
      routing: undefined,
      caller: "",
    }).slice();
  return {
    calls: () => member.post(target, call(action)),
    "calls of nothing": () => member.post(target, call("nothing/here")),
    events: () =>
      member.post(
        target,
        encoder.encode({
          kind: "event",
          topic,
          data: bomb,
          publishedAt: Date.now(),
          groups: [],
          past: false,
          retain: false,
        }).slice(),
      ),
    adverts: () => {
      const subscriptions = Array.from({ length: 60 }, (_, i) => ({
        pattern: `a${number++ % 1_000_000}/b${i}/>`,
        group: "",
      }));
      const advert = { run: 1, services: [], subscriptions, retains: true };
      const key = String(number % 24);
      return member.tell(target, {
        entries: [member.entry("service", key, encodeAdvert(advert), Date.now() + number++)],
      });
    },
    statements: () => {
      const at = Endpoint.parse(`192.0.2.${1 + number++ % 250}:${1024 + number % 60_000}`) as Endpoint;
      const statement = signStatement({
        nodeId: identity.id,
        endpoints: [at],
        channelEndpoints: [at],
        labels: {},
        version: Date.now() * 2 + number,
        issuedAt: unixMillis(Date.now()),
      }, identity.signingKey);
      return member.tell(target, { statements: [statement] });
    },
    names: () =>
      member.tell(target, {
        entries: [member.entry("name", `n${number++}.weft.internal.`, utf8Bytes("300 A 10.6.6.6\n"))],
      }),
    requests: async () => {
      await member.ask(target, { kind: "claim", path: `mesh:c${number++}` });
      const own = { endpoints: [], channelEndpoints: [], labels: {} };
      await member.ask(target, { kind: "rotation", rotation: member.mesh.prepareRotation(own) });
    },
    garbage: () => member.say(target, { kind: "suspicion", nodeId: identity.id }),
    handshakes: async () => {
      const streams = await Promise.all(
        Array.from({ length: STREAMS }, async () => {
          const stream = await dialTcp(Endpoint.parse(target.endpoint) as Endpoint, { timeoutMs: 1_000 });
          await stream?.write(randomBytes(systemRandom, 256));
          return stream;
        }),
      );
      for (const stream of streams) stream?.close();
    },
  };
}
