import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import { isPathDatagram } from "../../net/mod.ts";
import { checkProbe, checkProbeIds, ProbeGate } from "./probe_gate.ts";

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
  assert.ok(gate.admits(now, Uint8Array.of(7, 7, ...probe(HIGH_ID)), 2));
  assert.ok(gate.admits(now, probe("0000000000000001"), 0));
  assert.ok(!gate.admits(now, probe("0000000100000000"), 0));
  assert.ok(!gate.admits(now, probe(`ffeeddcc${"00000001"}`), 0));
  gate.change({ remove: [HIGH_ID.toUpperCase(), "1111111111111111"] });
  assert.ok(!gate.admits(now, probe(HIGH_ID), 0));
  assert.ok(gate.admits(now, probe(HIGH_ID.replace("88", "89")), 0));
  assert.deepEqual(gate.counters.snapshot(), { "foreign-probe": 3, "probe-flood": 0 });
  assert.throws(() => checkProbeIds({ add: ["12"] }), RangeError);
  assert.throws(() => checkProbeIds({ remove: ["g".repeat(16)] }), RangeError);
});

Deno.test("ProbeGate admits 100 a second of one id and 2,000 of all, and as many in the next second", () => {
  const gate = new ProbeGate();
  const ids = Array.from({ length: 30 }, (_, i) => i.toString(16).padStart(16, "0"));
  gate.change({ add: ids });
  const flood = (now: number, from: readonly string[]) => {
    let admitted = 0;
    for (let i = 0; i < 200; i++) {
      for (const id of from) if (gate.admits(millis(now), probe(id), 0)) admitted++;
    }
    return admitted;
  };
  assert.equal(flood(5, ids.slice(0, 1)), 100);
  assert.equal(flood(5, ids), 1900);
  assert.equal(flood(1005, ids), 2000);
  assert.equal(flood(1015, ids.slice(0, 1)), 1);
  assert.equal(gate.counters.get("probe-flood"), 200 * 62 - 4001);
});
