import assert from "node:assert/strict";
import { millis, SeededRandom } from "../../base/mod.ts";
import { internetChecksum, MacAddress } from "../../net/mod.ts";
import { DROP_REASONS } from "./frame_counts.ts";
import { FORWARD, Forwarding, FrameSwitch } from "./mod.ts";
import { arpRequest, frame, ip, ipFrame, mac, packet, tagged } from "./testing/mod.ts";

const BYTES = new Uint8Array(1);

class Dice {
  readonly #random: SeededRandom;
  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }
  below(bound: number): number {
    let value = 0;
    for (let i = 0; i < 3; i++) {
      this.#random.fill(BYTES);
      value = value * 256 + (BYTES[0] ?? 0);
    }
    return value % bound;
  }
}

function filledSwitch(): FrameSwitch {
  const frames = new FrameSwitch(new SeededRandom(3), { maxLearned: 500, maxLearnedPerPort: 200 });
  for (const network of [1, 2]) {
    frames.setNetwork({ network, mtuBytes: 1000, label: `n${network}`, stormLimit: 1e9 });
    for (let place = 0; place < 6; place++) {
      const port = network * 10 + place;
      frames.setPort({ port, network, side: place < 4 ? "local" : "remote", allowsForeign: place % 2 === 1 });
      const addresses = [ip(`10.0.0.${place}`), ip(`fd00::${place}`)];
      frames.setBinding({ network, port, mac: mac(place), addresses });
    }
  }
  return frames;
}

/** Good frames of all kinds, to begin with. */
function corpus(): Uint8Array[] {
  const igmp = Uint8Array.fromHex("16000000" + "ef010203");
  new DataView(igmp.buffer).setUint16(2, internetChecksum(igmp, 0, 8));
  const query = Uint8Array.fromHex("1164000000000000");
  new DataView(query.buffer).setUint16(2, internetChecksum(query, 0, 8));
  const group = mac("01:00:5e:01:02:03");
  const nd = Uint8Array.fromHex("8700000000000000" + ip("fd00::2").bytes.toHex() + "0101020000000001");
  const mld = Uint8Array.fromHex("8f00000000000001" + "04000000" + ip("ff15::9").bytes.toHex());
  const extension = Uint8Array.fromHex("3a00050200000000");
  return [
    frame(mac(1), mac(2)),
    frame(mac(1), MacAddress.BROADCAST),
    arpRequest(mac(1), "10.0.0.1", "10.0.0.2"),
    ipFrame(mac(1), mac(2), packet("10.0.0.1", "10.0.0.2", { payload: new Uint8Array(1200) })),
    ipFrame(mac(1), mac(2), packet("fd00::1", "fd00::2", { payload: new Uint8Array(1200) })),
    ipFrame(mac(1), group, packet("10.0.0.1", "239.1.2.3", { protocol: 2, payload: igmp })),
    ipFrame(mac(1), group, packet("10.0.0.1", "224.0.0.1", { protocol: 2, payload: query })),
    ipFrame(mac(1), group, packet("10.0.0.1", "239.1.2.3")),
    ipFrame(
      mac(1),
      mac("33:33:ff:00:00:02"),
      packet("fd00::1", "ff02::1:ff00:2", { protocol: 58, payload: nd, hopLimit: 255 }),
    ),
    ipFrame(
      mac(1),
      group,
      packet("fe80::1", "ff02::16", { protocol: 58, payload: mld, hopLimit: 1, extension }),
    ),
  ];
}

function mutate(dice: Dice, base: Uint8Array): Uint8Array {
  let bytes = base.slice();
  for (let i = dice.below(4); i > 0; i--) {
    const at = dice.below(Math.min(bytes.length, 80));
    bytes[at] = dice.below(2) === 0 ? dice.below(256) : (bytes[at] ?? 0) ^ (1 << dice.below(8));
  }
  if (dice.below(4) === 0) bytes = bytes.slice(0, dice.below(bytes.length + 1));
  if (dice.below(6) === 0 && bytes.length >= 14) bytes = tagged(bytes, dice.below(4096), dice.below(4096));
  // Sources that fit the port, so that most get past it.
  if (dice.below(3) > 0 && bytes.length > 12) bytes[11] = dice.below(8);
  return bytes;
}

Deno.test("FrameSwitch takes any frame at any port: it never throws, and reads nothing behind the end", () => {
  const dice = new Dice(14);
  const [one, other] = [filledSwitch(), filledSwitch()];
  const [out, same] = [new Forwarding(), new Forwarding()];
  const frames = corpus();
  let now = 1_000_000;
  const actions = new Set<number>();
  for (let i = 0; i < 60_000; i++) {
    now += dice.below(30);
    const bytes = mutate(dice, frames[dice.below(frames.length)] ?? assert.fail());
    const port = 10 * (1 + dice.below(2)) + dice.below(7);
    const longest = dice.below(20) === 0 ? dice.below(70_000) : Math.max(0, bytes.length - 14);
    // The same frame ends with the memory, and stands amid other bytes: that makes no difference.
    const amid = new Uint8Array(bytes.length + 90).fill(dice.below(256));
    amid.set(bytes, 33);
    one.forward(millis(now), port, bytes, 0, bytes.length, longest, out);
    other.forward(millis(now), port, amid, 33, bytes.length, longest, same);
    assert.deepEqual([out.action, out.count, out.action === FORWARD.ONE && out.port], [
      same.action,
      same.count,
      same.action === FORWARD.ONE && same.port,
    ]);
    assert.deepEqual(out.ports.subarray(0, out.count), same.ports.subarray(0, same.count));
    actions.add(out.action);
    for (let isMore = true; isMore;) {
      const sent = one.pollFrame();
      assert.deepEqual(other.pollFrame(), sent);
      isMore = sent !== undefined;
    }
    if (dice.below(200) === 0) {
      one.handleTimeout(millis(now));
      other.handleTimeout(millis(now));
    }
    if (one.pollEvent() !== undefined) other.pollEvent();
  }
  assert.deepEqual(actions, new Set([FORWARD.DROP, FORWARD.ONE, FORWARD.FLOOD, FORWARD.ANSWERED]));
  assert.ok(one.sizes.learned <= 500 && one.sizes.memberships <= 16_384);
  for (const network of [1, 2]) {
    const { framesIn = 0, drops = {} } = one.networkCounts(network) ?? {};
    assert.ok(framesIn > 20_000);
    const known: readonly string[] = DROP_REASONS;
    assert.ok(Object.keys(drops).length > 12, Object.keys(drops).join());
    assert.ok(Object.keys(drops).every((reason) => known.includes(reason)));
  }
});

Deno.test("FrameSwitch keeps its bounds, and what others have, while a port forges addresses", () => {
  const frames = filledSwitch();
  const out = new Forwarding();
  const send = (port: number, bytes: Uint8Array) => {
    frames.forward(millis(5_000), port, bytes, 0, bytes.length, bytes.length - 14, out);
    return out.action === FORWARD.ONE ? out.port : undefined;
  };
  send(13, frame(mac(0x77), mac(0)));
  const forged = frame(mac(0), mac(2));
  const view = new DataView(forged.buffer);
  for (let i = 0; i < 100_000; i++) {
    view.setUint32(8, 0x1000 + i);
    send(11, forged);
  }
  assert.ok(frames.sizes.learned <= 201);
  assert.ok(frames.sizes.tableBytes < 64 * 1024, String(frames.sizes.tableBytes));
  assert.equal(send(10, frame(mac(0), mac(0x77))), 13);
  assert.equal(send(10, frame(mac(0), mac(2))), 12);
});

Deno.test("FrameSwitch.forward() says what its caller did wrong", () => {
  const frames = filledSwitch();
  const forward = (at: number, length: number) =>
    frames.forward(millis(0), 10, new Uint8Array(60), at, length, 46, new Forwarding());
  assert.throws(() => forward(1, 60), RangeError);
  assert.throws(() => forward(-1, 60), RangeError);
  assert.throws(
    () => frames.setPort({ port: 1, network: 9, side: "local", allowsForeign: false }),
    RangeError,
  );
});
