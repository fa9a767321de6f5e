/**
 * Tests of which sessions of a peer are in use.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { millis } from "../base/mod.ts";
import { nobleAead } from "../crypto/mod.ts";
import { Keypair, Keypairs } from "./keypair.ts";

function keypair(localIndex: number, isInitiator: boolean): Keypair {
  return new Keypair({
    createdAt: millis(0),
    isInitiator,
    localIndex,
    remoteIndex: localIndex + 1000,
    sendKey: nobleAead.key(new Uint8Array(32).fill(1)),
    receiveKey: nobleAead.key(new Uint8Array(32).fill(2)),
  });
}

/** Keypairs with the indices of what they discarded. */
function observed(): { readonly keypairs: Keypairs; readonly discarded: number[] } {
  const discarded: number[] = [];
  return { keypairs: new Keypairs((old) => void discarded.push(old.localIndex)), discarded };
}

Deno.test("Keypairs.add() makes an initiator's session current and the former one previous", () => {
  const { keypairs, discarded } = observed();
  const [first, second, third] = [keypair(1, true), keypair(2, true), keypair(3, true)];
  keypairs.add(first);
  assert.equal(keypairs.current, first);
  keypairs.add(second);
  assert.deepEqual([keypairs.previous, keypairs.current, discarded], [first, second, []]);
  keypairs.add(third);
  assert.deepEqual([keypairs.previous, keypairs.current, discarded], [second, third, [1]]);
});

Deno.test("Keypairs.add() keeps a responder's session waiting until it is confirmed", () => {
  const { keypairs, discarded } = observed();
  const [old, waiting] = [keypair(1, true), keypair(2, false)];
  keypairs.add(old);
  keypairs.add(waiting);
  assert.deepEqual([keypairs.current, keypairs.next], [old, waiting]);
  assert.equal(keypairs.confirm(old), false);
  assert.equal(keypairs.confirm(waiting), true);
  assert.equal(keypairs.confirm(waiting), false);
  assert.deepEqual([keypairs.previous, keypairs.current, keypairs.next], [old, waiting, undefined]);
  assert.deepEqual(discarded, []);
});

Deno.test("Keypairs.add() lets a second response take the place of one that nobody confirmed", () => {
  const { keypairs, discarded } = observed();
  keypairs.add(keypair(1, true));
  keypairs.add(keypair(2, true));
  keypairs.add(keypair(3, false));
  assert.deepEqual(discarded, [1], "a session that waits costs the previous one");
  keypairs.add(keypair(4, false));
  assert.deepEqual(discarded, [1, 3]);
  assert.equal(keypairs.current?.localIndex, 2);
});

Deno.test("Keypairs.add() keeps the peer's session as previous when both began a handshake", () => {
  const { keypairs, discarded } = observed();
  keypairs.add(keypair(1, true));
  keypairs.add(keypair(2, false));
  keypairs.add(keypair(3, true));
  assert.deepEqual([keypairs.previous?.localIndex, keypairs.current?.localIndex], [2, 3]);
  assert.equal(keypairs.next, undefined);
  assert.deepEqual(discarded, [1]);
});

Deno.test("Keypairs discards every session once, and never one that is in use", () => {
  const action = fc.constantFrom("initiate", "respond", "confirm", "clear");
  fc.assert(fc.property(fc.array(action, { maxLength: 60, size: "max" }), (actions) => {
    const { keypairs, discarded } = observed();
    let made = 0;
    for (const name of actions) {
      if (name === "clear") keypairs.clear();
      else if (name !== "confirm") keypairs.add(keypair(made++, name === "initiate"));
      else if (keypairs.next !== undefined) assert.ok(keypairs.confirm(keypairs.next));
      const used = [keypairs.previous, keypairs.current, keypairs.next].flatMap((one) =>
        one?.localIndex ?? []
      );
      assert.equal(new Set([...used, ...discarded]).size, made);
      assert.equal(used.length + discarded.length, made);
    }
  }));
});

Deno.test("Keypair.wipe() leaves keys that open nothing", () => {
  const session = keypair(1, true);
  const sealed = new Uint8Array(20);
  nobleAead.key(new Uint8Array(32).fill(2)).seal(0, new Uint8Array(4), new Uint8Array(0), sealed, 0);
  assert.equal(session.receiveKey.open(0, sealed, new Uint8Array(0), new Uint8Array(4), 0), 4);
  session.wipe();
  assert.equal(session.receiveKey.open(0, sealed, new Uint8Array(0), new Uint8Array(4), 0), -1);
});
