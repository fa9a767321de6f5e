import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { IpAddress, OuterHeader } from "../../net/mod.ts";
import { MemoryUnderlay } from "./memory_underlay.ts";

const [FIRST, SECOND] = ["10.42.0.1", "10.42.0.2"].map((text) => IpAddress.parse(text) ?? assert.fail());

function packet(source: IpAddress, destination: IpAddress): Uint8Array {
  const header = new OuterHeader({ source, destination, carries: { protocol: 47 } });
  const bytes = new Uint8Array(header.lengthBytes + 10);
  header.write(bytes, 0, 10, 0);
  return bytes;
}

Deno.test("MemoryUnderlay carries packets by address, and none whose source is another host's", () => {
  const underlay = new MemoryUnderlay(new VirtualTimers(new VirtualClock()));
  const got: Uint8Array[] = [];
  assert.ok(FIRST && SECOND);
  const first = underlay.join([FIRST], () => {});
  const second = underlay.join([SECOND], (bytes) => got.push(bytes));
  assert.ok(first.send(packet(FIRST, SECOND)));
  assert.equal(first.send(packet(SECOND, SECOND)), false);
  assert.equal(first.send(new Uint8Array(3)), false);
  assert.equal(got.length, 1);
  second.close();
  assert.equal(first.send(packet(FIRST, SECOND)), false);
  assert.equal(underlay.dropped, 3);
});
