import assert from "node:assert/strict";
import type { CallStatsReport, StatusReport } from "../../../api/mod.ts";
import { SampleControl } from "../../../agent/testing/sample_control.ts";
import { serveControl } from "../../../http/mod.ts";
import { controlSocketPath } from "../../control_client.ts";
import { SamplePorts, sampleStatus } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";
import { type Look, ratesOf } from "./rates.ts";
import { topText } from "./top_command.ts";

const stats = (service: string, calls: number): CallStatsReport => ({
  service,
  action: "get",
  side: "caller",
  calls,
  errors: 1,
  rate: 0.5,
  p50Ms: 1.2,
  p99Ms: 9,
});
function status(uptimeMs: number, bytes: readonly number[], calls: number): StatusReport {
  const [one] = sampleStatus.peers;
  assert(one !== undefined);
  return {
    ...sampleStatus,
    uptimeMs,
    peers: bytes.map((rxBytes, at) => ({
      ...one,
      name: `web-${at}`,
      publicKey: `${at}`,
      rxBytes,
      txBytes: 0,
    })),
    services: { ...sampleStatus.services, callStats: [stats("users", 100), stats("orders", calls)] },
  };
}
const before = { atMs: 1_000, status: status(5_000, [0, 0, 500], 100) };
const now = { atMs: 3_000, status: status(7_000, [2_000, 8_000, 500], 300) };

Deno.test("ratesOf() counts what came between two looks, the most first", () => {
  const report = ratesOf(now, before, "rate");
  assert.deepEqual(report.peers.map(({ name, rxRate }) => [name, rxRate]), [["web-1", 4_000], [
    "web-0",
    1_000,
  ], ["web-2", 0]]);
  assert.deepEqual(report.actions?.map(({ service, rate }) => [service, rate]), [["orders", 100], [
    "users",
    0,
  ]]);
  assert.equal(report.rxRate, 5_000);
  assert.deepEqual(ratesOf(now, before, "name").peers.map(({ name }) => name), ["web-0", "web-1", "web-2"]);
});

Deno.test("ratesOf() rounds bytes to whole ones and the rest to three decimals, and names nothing by an empty word", () => {
  const [one] = now.status.peers;
  assert(one !== undefined);
  const odd: StatusReport = {
    ...now.status,
    peers: [{ ...one, rxBytes: 2_001, txBytes: 1, rttMs: 12.345_678_9 }],
    services: { ...now.status.services, callStats: [{ ...stats("", 401), action: "" }] },
  };
  const then = { atMs: 0, status: { ...odd, peers: before.status.peers, services: before.status.services } };
  const { peers: [peer], actions, rxRate } = ratesOf({ ...now, status: odd }, then, "rate");
  assert.deepEqual([peer?.rxRate, peer?.txRate, peer?.rttMs, rxRate], [667, 0, 12.346, 667]);
  assert.deepEqual(actions?.map(({ service, action, rate }) => [service, action, rate]), [[null, null, 0.5]]);
  const { services } = odd;
  const former = {
    ...then,
    status: { ...odd, services: { ...services, callStats: [{ ...stats("", 0), action: "" }] } },
  };
  assert.equal(ratesOf({ ...now, status: odd }, former, "rate").actions?.[0]?.rate, 133.667);
});

Deno.test("ratesOf() knows no rate at the first look, or after a restart", () => {
  for (const former of [undefined, { ...before, status: { ...before.status, uptimeMs: 9_000 } }]) {
    const report = ratesOf(now, former, "rate");
    assert.equal(report.peers[0]?.rxRate, null);
    assert.equal(report.peers[0]?.name, "web-1", "the most in all");
    assert.equal(report.actions?.[0]?.rate, 0.5, "as the agent says it");
  }
});

Deno.test("topText() is two tables", () => {
  const { terminal } = new SamplePorts();
  const text = topText(ratesOf(now, before, "rate"), "rate", terminal);
  assert.match(text, /^lead up 7 s, in 4\.9 KiB\/s|^lead up 7 s, in 5\.0 kB\/s/);
  assert.match(text, /\nPEER +IN\/s +OUT\/s +IN +OUT +RTT +PATH\nweb-1 /);
  assert.match(
    text,
    /\nSERVICE +ACTION +SIDE +CALLS\/s +ERRORS\/s +CALLS +ERRORS +P50 +P99\norders +get +caller +100\.0 +0\.0 +300 +1 /,
  );
  const { callStats: _, ...services } = now.status.services;
  const old = ratesOf({ ...now, status: { ...now.status, services, peers: [] } }, undefined, "rate");
  assert.equal(old.actions, null);
  assert.match(topText(old, "rate", terminal), /no other member yet\n\nthis agent is of a former release/);
});

Deno.test("topText() leaves room for calls where there are many peers", () => {
  const [one] = now.status.peers;
  assert(one !== undefined);
  const peers = Array.from({ length: 50 }, (_, n) => ({ ...one, name: `web-${n}`, publicKey: `${n}` }));
  const report = ratesOf({ ...now, status: { ...now.status, peers } }, undefined, "rate");
  const lines = topText(report, "rate", new SamplePorts().terminal, 23).trimEnd().split("\n");
  assert.equal(lines.length, 23);
  assert.match(lines.join("\n"), /\nand 35 more peers\n\nSERVICE .*\norders .*\nusers .*$/);
  assert.equal(
    topText(report, "rate", new SamplePorts().terminal).split("\n").filter((l) => /^web-/.test(l)).length,
    50,
  );
});

Deno.test("ratesOf() tells what fails now from what has failed before", () => {
  const failing = (errors: number): Look => ({
    atMs: errors * 1_000,
    status: {
      ...now.status,
      uptimeMs: 10_000 + errors,
      services: { ...now.status.services, callStats: [{ ...stats("orders", 100), errors, errorRate: 0.25 }] },
    },
  });
  assert.equal(ratesOf(failing(4), failing(2), "rate").actions?.[0]?.errorRate, 1);
  assert.equal(ratesOf(failing(4), undefined, "rate").actions?.[0]?.errorRate, 0.25);
  assert.equal(ratesOf(now, undefined, "rate").actions?.[0]?.errorRate, null);
});

Deno.test("weft top --once prints one table, or one line of JSON", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const socket = await serveControl({ control: new SampleControl(), path: controlSocketPath(stateDir) });
  const ports = new SamplePorts();
  assert.equal(await main(["top", "--once", "--json", "--state", stateDir], ports), 0, ports.stderr);
  const lines = ports.stdout.trimEnd().split("\n");
  assert.equal(lines.length, 1);
  assert.equal(typeof JSON.parse(lines[0] ?? "").peers[0].rxRate, "number");
  const table = new SamplePorts();
  assert.equal(await main(["top", "--once", "--sort", "name", "--state", stateDir], table), 0, table.stderr);
  assert.equal(table.stdout.match(/^PEER/gm)?.length, 1);
  const wrong = new SamplePorts();
  assert.equal(await main(["top", "--sort", "colour", "--state", stateDir], wrong), 2);
  assert.match(wrong.stderr, /no such column\nhint: The columns are rate, in/);
  await socket.close();
  await Deno.remove(stateDir, { recursive: true });
});
