import assert from "node:assert/strict";
import type { MemberReport } from "../../api/mod.ts";
import { SamplePorts, sampleStatus } from "../testing/sample_ports.ts";
import type { PeerReport } from "../../api/mod.ts";
import { peersText, peerText } from "./peers_view.ts";

const { terminal } = new SamplePorts();
const nowMs = 1_700_000_000_000;
const peers: readonly PeerReport[] = sampleStatus.peers.map((peer) => ({
  ...peer,
  version: "0.1.0",
  system: "linux x86_64",
  ...peer.healthy ? {} : { lastSeenMs: nowMs - 7_200_000 },
}));

Deno.test("peersText() says who runs what, and when it was last heard of", () => {
  const [titles = "", away = "", healthy = ""] = peersText(peers, terminal, { nowMs }).split("\n");
  for (const title of ["LAST SEEN", "ROLES", "VERSION", "SYSTEM"]) assert(titles.includes(title), title);
  assert.match(away, /^phone .* away .* 2 h ago +wireguard +0\.1\.0 +linux x86_64$/);
  assert.match(healthy, /^web-1 .* healthy .* now +member +0\.1\.0 +linux x86_64$/);
});

Deno.test("peersText() leaves columns out where a terminal has no room, and none when told", () => {
  const widest = (columns: number | undefined, wide = false) =>
    Math.max(
      ...peersText(peers, { ...terminal, columns }, { nowMs, wide }).split("\n").map(({ length }) => length),
    );
  const all = widest(undefined);
  assert.equal(widest(all), all);
  for (let columns = 30; columns < all; columns++) assert(widest(columns) <= columns, `${columns}`);
  assert.equal(widest(40, true), all);
  const narrow = peersText(peers, { ...terminal, columns: 20 }, { nowMs });
  assert.match(narrow, /^NAME +ADDRESS +HEALTH\n/);
});

const member: MemberReport = {
  id: "ab".repeat(16),
  name: "web-1",
  roles: ["member"],
  addresses: ["10.200.0.2"],
  labels: { role: "web" },
  statedLabels: { zone: "a" },
  unconfirmedLabels: {},
  grants: { offer: ["orders"], publish: [], subscribe: [], names: [], claimed: [] },
  tokenId: "0123456789abcdef",
};

Deno.test("peerText() tells all of a member, and of this node what there is", () => {
  const peer = peers.find(({ name }) => name === "web-1");
  assert(peer);
  const text = peerText({ member, peer, services: [] }, terminal, nowMs);
  const says = [
    /^name +web-1, member$/m,
    /^key +\S+=$/m,
    /^software +weft 0\.1\.0 on linux x86_64$/m,
    /^health +healthy, answers in /m,
    /^labels +role=web; says of itself zone=a$/m,
    /^may +offer orders$/m,
    /^token +0123456789abcdef$/m,
    /^services +none$/m,
  ];
  for (const line of says) assert.match(text, line);
  assert.match(peerText({ member, services: [] }, terminal, nowMs), /^name +web-1, this node, member$/m);
});

Deno.test("peersText() names the way of packets, and calls nobody healthy whose packets don't arrive", () => {
  const [peer = assert.fail()] = sampleStatus.peers;
  const row = (way: NonNullable<PeerReport["way"]>, healthy = true): string =>
    peersText([{ ...peer, way, healthy }], terminal, { nowMs }).split("\n")[1] ?? "";
  const measured = { rttMs: 3, mtuBytes: 1420, standbyCount: 0 };
  assert.match(
    row({ ...measured, kind: "relay", via: "lead", endpoint: "192.0.2.1:40001" }),
    / healthy +relay by lead /,
  );
  assert.match(row({ ...measured, kind: "carrier", via: "lead" }), / healthy +stream by lead /);
  assert.match(row({ ...measured, kind: "carrier", via: "web-1" }), / healthy +stream /);
  const channel = { kind: "channel", rttMs: null, standbyCount: 0 } as const;
  assert.match(row({ ...channel, problem: "unanswered" }), / channel only +channel only /);
  assert.match(row({ ...channel, problem: "unanswered" }, false), / channel only +channel only /);
  assert.match(
    row({ ...channel, via: "lead", problem: "rootless-there" }),
    / healthy +channel by lead /,
  );
});

Deno.test("peerText() tells the measures of a way, and why it is no direct one", () => {
  const [peer = assert.fail()] = sampleStatus.peers;
  const text = peerText({ member, peer, services: [] }, terminal, nowMs);
  assert.match(
    text,
    /^path +direct 192\.0\.2\.2:51820, round trip 0\.75 ms, MTU 1420, 1 other path ready, channel open$/m,
  );
  assert.doesNotMatch(text, /not direct/);
  const way = {
    kind: "relay",
    via: "lead",
    rttMs: 9,
    standbyCount: 0,
    problem: "searching",
    why: "it is looked for",
  } as const;
  const relayed = peerText({ member, peer: { ...peer, way }, services: [] }, terminal, nowMs);
  assert.match(relayed, /^path +relay by lead, round trip 9\.00 ms, channel open$/m);
  assert.match(relayed, /^not direct +it is looked for$/m);
});
