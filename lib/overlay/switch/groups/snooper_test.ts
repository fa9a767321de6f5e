import assert from "node:assert/strict";
import { groupMac, internetChecksum, MacAddress } from "../../../net/mod.ts";
import { ip, ipFrame, mac, packet, SwitchHarness, tagged } from "../testing/mod.ts";

const GROUP = "239.1.2.3";
const GROUP6 = "ff15::9";
const ROUTER_ALERT = Uint8Array.fromHex("3a00050200000000");

/** Endpoints 1, 2, 3 here, hosts 11 and 12; all have been there for long. */
function harness(): SwitchHarness {
  const h = new SwitchHarness();
  h.network(1);
  h.ports(1, "local", [1, 2, 3]);
  h.ports(1, "remote", [11, 12]);
  for (const port of [1, 2, 3, 11, 12]) h.bind(1, port, mac(port));
  h.advance(0);
  h.advance(300_000);
  h.fetch();
  return h;
}

function igmp(port: number, to: string, hex: string, from = "10.0.0.1"): Uint8Array<ArrayBuffer> {
  const payload = Uint8Array.fromHex(hex);
  new DataView(payload.buffer).setUint16(2, internetChecksum(payload, 0, payload.length));
  const sent = packet(from, to, { protocol: 2, payload, hopLimit: 1 });
  return ipFrame(mac(port), groupMac(ip(to)), sent);
}

function mld(port: number, to: string, hex: string): Uint8Array<ArrayBuffer> {
  const payload = Uint8Array.fromHex(hex);
  const sent = packet(`fe80::${port}`, to, { protocol: 58, payload, hopLimit: 1, extension: ROUTER_ALERT });
  return ipFrame(mac(port), groupMac(ip(to)), sent);
}

function data(port: number, to = GROUP): Uint8Array<ArrayBuffer> {
  return ipFrame(mac(port), groupMac(ip(to)), packet(to.includes(":") ? "fd00::99" : "10.0.0.99", to));
}

const query = (port: number, from?: string) => igmp(port, "224.0.0.1", "1164000000000000", from);
const report = (port: number, group = GROUP) => igmp(port, group, "16000000" + ip(group).bytes.toHex());
const leave = (port: number) => igmp(port, "224.0.0.2", "17000000" + ip(GROUP).bytes.toHex());

function learn(h: SwitchHarness, querier: number): void {
  h.send(querier, query(querier));
  h.advance(20_000);
}

Deno.test("FrameSwitch floods groups while nobody asks who wants them, and while the answers come", () => {
  const h = harness();
  assert.deepEqual(h.send(2, report(2)), [1, 3, 11, 12]);
  assert.deepEqual(h.send(1, data(1)), [2, 3, 11, 12]);
  assert.deepEqual(h.send(3, query(3)), [1, 2, 11, 12]);
  assert.deepEqual(h.send(1, data(1)), [2, 3, 11, 12]);
  h.advance(20_000);
  assert.deepEqual(h.send(1, data(1)), [2, 3]);
  h.advance(235_000);
  assert.deepEqual(h.send(1, data(1)), [2, 3, 11, 12]);
});

Deno.test("FrameSwitch takes no querier without an address for one", () => {
  const h = harness();
  h.send(3, query(3, "0.0.0.0"));
  h.advance(20_000);
  assert.deepEqual(h.send(1, data(1)), [2, 3, 11, 12]);
});

Deno.test("FrameSwitch sends reports to routers and other hosts, and groups to who reported, here and there", () => {
  const h = harness();
  learn(h, 3);
  assert.deepEqual(h.send(2, report(2)), [3, 11, 12]);
  assert.deepEqual(h.send(12, report(12)), [3]);
  assert.deepEqual(h.send(1, data(1)), [2, 3, 12]);
  assert.deepEqual(h.send(11, data(11)), [2, 3]);
  // Nobody wants this one but the router.
  assert.deepEqual(h.send(1, data(1, "239.9.9.9")), [3]);
});

Deno.test("FrameSwitch forgets who leaves after 3 s, unless he says that he stays, and who is silent after 260 s", () => {
  const h = harness();
  learn(h, 3);
  h.send(1, report(1));
  h.send(2, report(2));
  h.send(1, leave(1));
  h.send(2, leave(2));
  assert.deepEqual(h.send(11, data(11)), [1, 2, 3]);
  h.advance(2_000);
  h.send(2, report(2));
  h.advance(1_000);
  assert.deepEqual(h.send(11, data(11)), [2, 3]);
  h.send(3, query(3));
  h.advance(240_000);
  h.send(3, query(3));
  h.advance(20_000);
  assert.deepEqual(h.send(11, data(11)), [3]);
  h.advance(30_000);
  assert.equal(h.frames.sizes.memberships, 0);
});

Deno.test("FrameSwitch floods the groups of a link, broadcast and what is behind tags, in any case", () => {
  const h = harness();
  learn(h, 3);
  h.send(2, report(2, "224.0.0.251"));
  assert.equal(h.frames.sizes.memberships, 0);
  assert.deepEqual(h.send(1, data(1, "224.0.0.251")), [2, 3, 11, 12]);
  assert.deepEqual(h.send(1, tagged(data(1), 5)), [2, 3, 11, 12]);
  const broadcast = ipFrame(mac(1), MacAddress.BROADCAST, packet("10.0.0.99", GROUP));
  assert.deepEqual(h.send(1, broadcast), [2, 3, 11, 12]);
});

Deno.test("FrameSwitch gives a port that has just come all groups, until the next query was answered", () => {
  const h = harness();
  learn(h, 3);
  h.ports(1, "remote", [13]);
  assert.deepEqual(h.send(1, data(1)), [3, 13]);
  h.send(3, query(3));
  h.advance(250_000);
  h.send(3, query(3));
  h.advance(10_000);
  assert.deepEqual(h.send(1, data(1)), [3]);
});

Deno.test("FrameSwitch snoops MLD of both versions, apart from IGMP", () => {
  const h = harness();
  h.send(3, mld(3, "ff02::1", "82000000" + "27100000" + "00".repeat(16)));
  h.advance(20_000);
  assert.deepEqual(h.send(1, data(1, GROUP6)), [3]);
  assert.deepEqual(h.send(1, data(1)), [2, 3, 11, 12]);
  const group = ip(GROUP6).bytes.toHex();
  assert.deepEqual(h.send(2, mld(2, "ff02::16", "8f000000" + "00000001" + "04000000" + group)), [3, 11, 12]);
  assert.deepEqual(h.send(12, mld(12, GROUP6, "83000000" + "00000000" + group)), [3]);
  assert.deepEqual(h.send(1, data(1, GROUP6)), [2, 3, 12]);
  assert.deepEqual(h.send(1, data(1, "ff02::fb")), [2, 3, 11, 12]);
  h.send(2, mld(2, "ff02::16", "8f000000" + "00000001" + "03000000" + group));
  h.advance(3_000);
  assert.deepEqual(h.send(1, data(1, GROUP6)), [3, 12]);
});

Deno.test("FrameSwitch refuses IGMP and MLD that is none", () => {
  const h = harness();
  const broken = report(1);
  broken[36] = (broken[36] ?? 0) ^ 1;
  assert.equal(h.send(1, broken), "bad-igmp");
  assert.equal(h.send(1, igmp(1, "224.0.0.22", "2200000000000005")), "bad-igmp");
  const far = packet("fe80::1", GROUP6, {
    protocol: 58,
    payload: Uint8Array.fromHex("83" + "00".repeat(23)),
    hopLimit: 2,
  });
  assert.equal(h.send(1, ipFrame(mac(1), groupMac(ip(GROUP6)), far)), "bad-mld");
});

Deno.test("FrameSwitch gives all groups to a port that wants too many, and others what they want", () => {
  const h = harness();
  learn(h, 3);
  h.send(2, report(2));
  for (let i = 0; i < 300; i++) h.send(1, report(1, `239.2.${i >> 8}.${i & 255}`));
  assert.equal(h.frames.sizes.memberships, 257);
  assert.deepEqual(h.send(11, data(11, "239.77.0.1")), [1, 3]);
  assert.deepEqual(h.send(11, data(11)), [1, 2, 3]);
  h.frames.removePort(1);
  assert.equal(h.frames.sizes.memberships, 1);
});
