import assert from "node:assert/strict";
import fc from "fast-check";
import type { VersionRange } from "../base/mod.ts";
import type { Channel } from "./channel.ts";
import { ChannelRefusedError, ChannelVersionError } from "./errors.ts";
import { agreedOpening, decodeVersions, DIRECT_OPENING, encodeVersions } from "./handshake_versions.ts";
import { encodeFrame } from "./records/frame_reader.ts";
import { Fixture, readAll, streamPair } from "./testing/memory_stream.ts";

const range = (oldest: number, newest = oldest): VersionRange => ({ oldest, newest });

Deno.test("decodeVersions() reads what encodeVersions() wrote, and nothing else", () => {
  assert.deepEqual(decodeVersions(encodeVersions(range(1, 255))), range(1, 255));
  for (const bytes of [[0, 1], [3, 2], [0, 0]]) {
    assert.equal(decodeVersions(Uint8Array.of(0x77, 0x65, 0x66, 0x74, ...bytes)), undefined, String(bytes));
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
    const read = decodeVersions(bytes);
    if (read !== undefined) assert.deepEqual(encodeVersions(read), bytes);
  }));
  assert.equal(decodeVersions(encodeVersions(range(1)).subarray(0, 5)), undefined);
});

const agreeing: readonly (readonly [VersionRange, VersionRange, number])[] = [
  [range(1), range(1), 1],
  [range(1), range(1, 2), 1],
  [range(1, 3), range(2, 5), 3],
  [range(2, 4), range(1, 3), 3],
  [range(2), range(2), 2],
  [range(1, 2), range(1), 1],
];
for (const [ours, theirs, version] of agreeing) {
  Deno.test(`handshakes ${ours.oldest}-${ours.newest} and ${theirs.oldest}-${theirs.newest} agree on ${version}`, async () => {
    const fixture = new Fixture();
    const [near, far] = await Promise.all([
      fixture.open(undefined, { handshakeVersions: ours }),
      fixture.accept(undefined, { handshakeVersions: theirs }),
    ]);
    assert(far);
    const agreed = ({ handshakeVersion }: Channel): number => handshakeVersion;
    assert.deepEqual([agreed(near), agreed(far.channel)], [version, version]);
    assert.equal(await near.send({ topic: "a", body: Uint8Array.of(1) }), true);
    assert.deepEqual((await far.channel.receive())?.body, Uint8Array.of(1));
    near.close();
    await far.channel.closed;
  });
}

const strange: readonly (readonly [VersionRange, VersionRange, string])[] = [
  [range(1), range(2, 3), "this machine"],
  [range(2, 3), range(1), "the other one"],
  [range(2, 3), range(4, 9), "this machine"],
];
for (const [ours, theirs, older] of strange) {
  Deno.test(`handshakes ${ours.oldest}-${ours.newest} and ${theirs.oldest}-${theirs.newest} have both ends say so`, async () => {
    const fixture = new Fixture();
    const heard: VersionRange[] = [];
    const accepting = fixture.accept(undefined, {
      handshakeVersions: theirs,
      onOtherVersions: (versions) => void heard.push(versions),
    });
    await assert.rejects(fixture.open(undefined, { handshakeVersions: ours }), (error) => {
      assert(error instanceof ChannelVersionError);
      assert.deepEqual([error.ours, error.theirs], [ours, theirs]);
      assert.match(error.message, /it speaks versions? .* of the handshake, this machine versions? /);
      assert.equal(error.hint, `Upgrade weft on ${older}.`);
      return true;
    });
    assert.equal(await accepting, undefined);
    assert.deepEqual(heard, [ours]);
    assert.deepEqual(fixture.drops(), { "channel-handshake-version": 1 });
  });
}

Deno.test("acceptChannel() refuses a handshake whose versions somebody in between has lowered", async () => {
  const fixture = new Fixture();
  const [attacker, far] = streamPair();
  const accepting = fixture.accept(far, { handshakeVersions: range(1, 3) });
  // Both speak 3; the attacker has either believe that the other speaks 2.
  const opening = fixture.open(fixture.near, { handshakeVersions: range(1, 3) });
  const read = async (from: typeof attacker): Promise<Uint8Array> => {
    const block = new Uint8Array(4_096);
    return block.slice(0, await from.read(block) ?? 0);
  };
  const lowered = encodeFrame(encodeVersions(range(1, 2)));
  await read(fixture.far);
  await attacker.write(lowered);
  await read(attacker);
  await fixture.far.write(lowered);
  await attacker.write(await read(fixture.far));
  await fixture.far.write(await read(attacker));
  await assert.rejects(opening, ChannelRefusedError);
  attacker.close();
  assert.equal(await accepting, undefined);
  assert.deepEqual(fixture.drops(), { "channel-handshake-rejected": 1 });
});

Deno.test("acceptChannel() answers a question of versions once, and never with more bytes", async () => {
  const fixture = new Fixture();
  const [near, far] = streamPair();
  const accepting = fixture.accept(far, { handshakeVersions: range(1, 3) });
  const question = encodeFrame(encodeVersions(range(1, 2)));
  await near.write(question);
  await near.write(question);
  const answer = await readAll(near);
  assert.equal(await accepting, undefined);
  // The second one is taken for a handshake that does not open, and refused as such.
  assert.equal(answer.length, 2 * question.length);
});

Deno.test("agreedOpening() has both questions in the prologue, and a direct one none", () => {
  const [question, answer] = [encodeVersions(range(1, 2)), encodeVersions(range(1, 3))];
  const opening = agreedOpening(question, answer);
  assert.equal(opening?.version, 2);
  assert.equal(
    new TextDecoder().decode(opening.prologue),
    "weft channel v2weft\u0001\u0002weft\u0001\u0003",
  );
  assert.equal(new TextDecoder().decode(DIRECT_OPENING.prologue), "weft channel v1");
});
