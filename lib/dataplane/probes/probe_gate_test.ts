import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import { Endpoint, isPathDatagram } from "../../net/mod.ts";
import { checkProbe, checkProbeIds, ProbeGate } from "./probe_gate.ts";

const endpoint = (text: string) => Endpoint.parse(text) ?? assert.fail(text);
const stranger = endpoint("198.51.100.1:7");
const HIGH_ID = "ffeeddccbbaa9988";

function probe(id: string, lengthBytes = 48): Uint8Array {
  const datagram = new Uint8Array(lengthBytes);
  datagram[0] = 0x77;
  datagram.set(Uint8Array.fromHex(id), 4);
  return datagram;
}

Deno.test("isPathDatagram() and checkProbe() know the first byte and the lengths", () => {
  for (const [lengthBytes, isOne] of [[47, false], [48, true], [1500, true], [1501, false]] as const) {
    const datagram = probe(HIGH_ID, lengthBytes);
    assert.equal(isPathDatagram(datagram, 0, lengthBytes), isOne);
    if (isOne) checkProbe(datagram);
    else assert.throws(() => checkProbe(datagram), RangeError);
  }
  assert.equal(isPathDatagram(Uint8Array.of(4, ...new Uint8Array(60)), 0, 61), false);
  assert.equal(isPathDatagram(Uint8Array.of(9, ...probe(HIGH_ID)), 1, 48), true);
});

Deno.test("ProbeGate admits ids that are waited for, wherever they stand, and no others", () => {
  const gate = new ProbeGate();
  const now = millis(0);
  gate.change({ add: [HIGH_ID, HIGH_ID.replace("88", "89"), "0000000000000001"] });
  assert.ok(gate.admits(now, Uint8Array.of(7, 7, ...probe(HIGH_ID)), 2, stranger));
  assert.ok(gate.admits(now, probe("0000000000000001"), 0, stranger));
  assert.ok(!gate.expects(probe("0000000100000000"), 0));
  assert.ok(!gate.expects(probe(`ffeeddcc${"00000001"}`), 0));
  gate.change({ remove: [HIGH_ID.toUpperCase(), "1111111111111111"] });
  assert.ok(!gate.expects(probe(HIGH_ID), 0));
  assert.ok(gate.admits(now, probe(HIGH_ID.replace("88", "89")), 0, stranger));
  assert.deepEqual(gate.counters.snapshot(), { "foreign-probe": 3, "probe-flood": 0, "foreign-stun": 0 });
  assert.throws(() => checkProbeIds({ add: ["12"] }), RangeError);
  assert.throws(() => checkProbeIds({ remove: ["g".repeat(16)] }), RangeError);
});

/** @returns how many of `times` datagrams with each of `ids` were admitted */
function flood(gate: ProbeGate, now: number, ids: readonly string[], source: Endpoint, times = 200): number {
  let admitted = 0;
  for (let i = 0; i < times; i++) {
    for (const id of ids) if (gate.admits(millis(now), probe(id), 0, source)) admitted++;
  }
  return admitted;
}

const IDS = Array.from({ length: 30 }, (_, i) => i.toString(16).padStart(16, "0"));

Deno.test("ProbeGate admits 100 a second of one id and source, 2,000 of known sources and 500 of others", () => {
  const gate = new ProbeGate();
  gate.change({ add: IDS });
  const known = endpoint("192.0.2.1:51820");
  assert.equal(flood(gate, 5, IDS.slice(0, 1), stranger), 100);
  assert.equal(flood(gate, 5, IDS, stranger), 400);
  assert.equal(flood(gate, 1005, IDS, stranger), 500);
  gate.noteSent(millis(1005), known);
  assert.equal(flood(gate, 1005, IDS.slice(0, 1), known), 100);
  assert.equal(flood(gate, 1005, IDS, known), 1900);
  assert.equal(flood(gate, 2005, IDS, known), 2000);
  assert.equal(flood(gate, 2015, IDS.slice(0, 1), known), 1);
});

Deno.test("ProbeGate lets no flood with ids that were seen starve who is known", () => {
  const gate = new ProbeGate();
  gate.change({ add: IDS });
  const places = IDS.map((_, i) => endpoint(`[2001:db8::${i + 1}]:51820`));
  for (const place of places) gate.noteSent(millis(0), place);
  for (let now = 0; now < 3_000; now += 100) {
    for (let i = 0; i < 5; i++) flood(gate, now, IDS, endpoint(`203.0.113.${i}:9`), 20);
    // One that is known itself floods with the ids of all others.
    flood(gate, now, IDS.slice(1, 10), places[0] ?? assert.fail(), 20);
    for (const [i, place] of places.entries()) {
      if (i > 0) assert.equal(flood(gate, now, IDS.slice(i, i + 1), place, 2), 2, `${i} at ${now}`);
    }
  }
  assert.ok(gate.counters.get("probe-flood") > 50_000);
});

Deno.test("ProbeGate knows a place for a minute after it was sent something, and eight of an id", () => {
  const gate = new ProbeGate();
  gate.change({ add: IDS });
  const places = Array.from({ length: 9 }, (_, i) => endpoint(`192.0.2.${i + 1}:51820`));
  for (const place of places) gate.noteSent(millis(0), place);
  flood(gate, 0, IDS.slice(0, 5), stranger);
  const one = IDS.slice(0, 1);
  assert.deepEqual(places.map((place) => flood(gate, 0, one, place, 1)), [1, 1, 1, 1, 1, 1, 1, 1, 0]);
  assert.equal(flood(gate, 100, IDS.slice(0, 5), stranger), 50);
  // Whoever was silent for long has given way.
  assert.equal(flood(gate, 20_000, one, places[8] ?? assert.fail(), 150), 100);
  flood(gate, 60_000, IDS.slice(0, 5), stranger);
  assert.equal(flood(gate, 60_000, one, places[0] ?? assert.fail(), 1), 0);
});
