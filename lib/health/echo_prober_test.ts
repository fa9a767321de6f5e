import assert from "node:assert/strict";
import { millis, randomBytes, SeededRandom } from "../base/mod.ts";
import { decodeEcho, ECHO_BYTES, EchoProber, encodeEcho } from "./echo_prober.ts";

const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

Deno.test("decodeEcho() reads what encodeEcho() wrote", () => {
  for (const kind of ["ask", "answer"] as const) {
    assert.deepEqual(decodeEcho(encodeEcho({ kind, nonce })), { kind, nonce });
  }
  assert.throws(() => encodeEcho({ kind: "ask", nonce: new Uint8Array(7) }), RangeError);
});

Deno.test("decodeEcho() rejects every other length and every changed header byte", () => {
  const good = encodeEcho({ kind: "ask", nonce });
  for (let length = 0; length < ECHO_BYTES; length++) {
    assert.equal(decodeEcho(good.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(decodeEcho(Uint8Array.of(...good, 0)), undefined);
  for (let at = 0; at < 8; at++) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 0x40;
    assert.equal(decodeEcho(bad), undefined, `byte ${at}`);
  }
});

Deno.test("decodeEcho() takes random bytes calmly", () => {
  const random = new SeededRandom(11);
  for (let i = 0; i < 2_000; i++) assert.equal(decodeEcho(randomBytes(random, i % 40)), undefined);
});

const A = "10.200.0.1";
const B = "10.200.0.2";

function prober(seed: number): EchoProber {
  return new EchoProber({
    random: new SeededRandom(seed),
    isPeer: (address) => address === A || address === B,
  });
}

Deno.test("EchoProber measures the time from its question to the answer", () => {
  const [a, b] = [prober(1), prober(2)];
  const { question, datagram } = a.ask(millis(1_000), B);
  const reply = b.handleDatagram(millis(7), datagram, A);
  assert(reply?.kind === "reply");
  assert.equal(reply.datagram.length, datagram.length, "no answer is longer than its question");
  assert.deepEqual(a.handleDatagram(millis(1_012), reply.datagram, B), {
    kind: "answered",
    question,
    rttMs: 12,
  });
  assert.equal(a.handleDatagram(millis(1_013), reply.datagram, B), undefined, "an answer counts once");
  assert.equal(a.drops.get("echo-unexpected"), 1);
});

Deno.test("EchoProber takes an answer only from whom it asked, and none that it waits for no more", () => {
  const [a, b] = [prober(1), prober(2)];
  const { question, datagram } = a.ask(millis(0), B);
  const reply = b.handleDatagram(millis(0), datagram, A);
  assert(reply?.kind === "reply");
  assert.equal(a.handleDatagram(millis(1), reply.datagram, A), undefined, "from another address");
  a.forget(question);
  assert.equal(a.handleDatagram(millis(1), reply.datagram, B), undefined);
  assert.equal(a.drops.get("echo-unexpected"), 2);
});

Deno.test("EchoProber answers no stranger, no garbage, and nobody without limit", () => {
  const [a, b] = [prober(1), prober(2)];
  const { datagram } = a.ask(millis(0), B);
  assert.equal(b.handleDatagram(millis(0), datagram, "192.0.2.66"), undefined);
  assert.equal(b.handleDatagram(millis(0), datagram.subarray(1), A), undefined);
  let answered = 0;
  for (let i = 0; i < 100; i++) if (b.handleDatagram(millis(0), datagram, A) !== undefined) answered++;
  assert.equal(answered, 20);
  assert.notEqual(b.handleDatagram(millis(0), datagram, B), undefined, "others are not held back");
  assert.notEqual(b.handleDatagram(millis(100), datagram, A), undefined, "one more is earned after 100 ms");
  assert.equal(b.handleDatagram(millis(100), datagram, A), undefined);
  assert.deepEqual(b.drops.snapshot(), {
    "echo-malformed": 1,
    "echo-stranger": 1,
    "echo-too-many": 81,
    "echo-unexpected": 0,
  });
});
