/**
 * A member with a program of its own: it takes everything to be allowed, and has drawn keys until its id was a high one.
 * `TOKEN NAME STATE_DIR PORT`. It offers what others offer, publishes in their place, and prints what it hears and gets.
 * @module
 */

import { Node } from "../../../mod.ts";
import { Authority } from "../../../lib/agent/authority/mod.ts";
import { SeededRandom } from "../../../lib/base/mod.ts";
import { SqliteStateStore } from "../../../lib/host/mod.ts";
import { MeshState, NodeIdentity } from "../../../lib/mesh/mod.ts";

const EVERY_MS = 20;

const [token = "", name = "", stateDir = "", port = ""] = Deno.args;
Object.assign(Authority.prototype, {
  mayOffer: () => true,
  mayPublish: () => true,
  maySubscribe: () => true,
  mayJoinGroup: () => true,
});
drawHighId();
await using node = await Node.join(token, { name, stateDir, port, endpoints: `127.0.0.1:${port}` });
const who = { who: () => name, name: () => name };
await node.addService({ path: "math", actions: who, port: 80, protocol: "http" });
await node.addService({ path: "jobs", mode: "leader", actions: who });
node.subscribe("math/asked", () => print("took an event of math"), { group: "math" });
print("ready", node.name);
const asking = setInterval(async () => {
  print("secret", await node.request("guarded/secret", undefined, { retries: 0 }).catch(({ code }) => code));
}, 10 * EVERY_MS);
let count = 0;
const timer = setInterval(() => {
  for (const topic of ["math/added", "math/evil", "jobs/done"]) {
    void node.publish(topic, count, { retain: true });
  }
  void node.publish("free/count", count++);
}, EVERY_MS);
await node.closed;
clearInterval(timer);
clearInterval(asking);

/** The highest id among those that run a service leads it. */
function drawHighId(): void {
  let seed = new TextEncoder().encode(name).reduce((sum, byte) => sum * 31 + byte, 7);
  while (!NodeIdentity.generate(new SeededRandom(seed)).id.startsWith("ff")) seed++;
  using store = SqliteStateStore.open(stateDir);
  const { id } = MeshState.prepareJoin(store, new SeededRandom(seed));
  if (!id.startsWith("ff")) throw new Error("The id is another one than was drawn");
}

function print(...words: readonly unknown[]): void {
  // deno-lint-ignore no-console -- the test reads it
  console.log(...words);
}
