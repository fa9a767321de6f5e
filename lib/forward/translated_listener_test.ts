import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { duplexPair } from "./duplex.ts";
import { TranslatedListener } from "./translated_listener.ts";

const HOST = "127.0.0.1";

/** @returns a port that nobody had just now */
function freePort(): number {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  return listener.addr.port;
}

Deno.test("TranslatedListener closes what nobody expects, unread", async () => {
  await using listener = TranslatedListener.open(HOST, 0);
  using connection = await Deno.connect({ hostname: HOST, port: listener.port });
  assert.equal(await connection.read(new Uint8Array(1)).catch(() => null), null);
  assert.deepEqual(listener.counts, { active: 0, refused: 1 });
});

Deno.test("TranslatedListener takes another port where its own is taken", async () => {
  await using first = TranslatedListener.open(HOST, 0);
  await using second = TranslatedListener.open(HOST, first.port);
  assert.notEqual(second.port, first.port);
});

Deno.test("TranslatedListener resets the stream of a connection that does not come", async () => {
  await using listener = TranslatedListener.open(HOST, 0, 20);
  const [near, far] = duplexPair();
  const missed = Promise.withResolvers<void>();
  listener.expect({ host: "10.200.0.9", port: 1, stream: near, onMissed: missed.resolve, onBroken() {} });
  await missed.promise;
  assert.notEqual(far.resetCode, undefined);
});

Deno.test("TranslatedListener forgets a connection that will not come, and says nothing of it", async () => {
  await using listener = TranslatedListener.open(HOST, 0, 20);
  const [near, far] = duplexPair();
  const expected = { host: "10.200.0.9", port: 1 };
  const fail = () => assert.fail("it was told");
  listener.expect({ ...expected, stream: near, onTaken: fail, onMissed: fail, onBroken: fail });
  listener.forget(expected);
  assert.notEqual(far.resetCode, undefined);
});

Deno.test("TranslatedListener leads an expected connection on, and tells of a reset before it closes it", async () => {
  await using listener = TranslatedListener.open(HOST, 0);
  const port = freePort();
  const told: string[] = [];
  const [near, far] = duplexPair();
  listener.expect({ host: HOST, port, stream: near, onMissed() {}, onBroken: () => told.push("broken") });
  const program = connect({ host: HOST, port: listener.port, localAddress: HOST, localPort: port });
  const closed = once(program, "close");
  program.write(Uint8Array.of(1, 2));
  assert.deepEqual([...await far.read() ?? []], [1, 2]);
  await far.write(Uint8Array.of(3));
  assert.deepEqual([...(await once(program, "data"))[0]], [3]);
  assert.equal(listener.counts.active, 1);
  far.reset(1);
  program.once("end", () => told.push("end"));
  program.resume();
  program.end();
  await closed;
  assert.deepEqual(told, ["broken", "end"]);
});
