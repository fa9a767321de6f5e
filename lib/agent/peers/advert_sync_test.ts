import assert from "node:assert/strict";
import { silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { EntryEvent, MeshState, NodeId } from "../../mesh/mod.ts";
import { EMPTY_ADVERT, encodeAdvert, type NodeRuntime } from "../../service/mod.ts";
import type { Authority } from "../authority/mod.ts";
import { AdvertSync } from "./advert_sync.ts";

Deno.test("AdvertSync follows a node that changes its advert all the time at once, then five times a second", () => {
  const timers = new VirtualTimers(new VirtualClock());
  const origin = "them" as NodeId;
  const followed: number[] = [];
  let run = 0;
  const roster = { get: () => ({}), isRevoked: () => false };
  const entries = {
    of: () => [{ kind: "service", body: encodeAdvert({ ...EMPTY_ADVERT, run, retains: true }) }],
    write: () => undefined,
  };
  const identity = { id: "us", publicKey: {} };
  const mesh = { identity, network: { id: "network" }, replica: { roster, entries } };
  const authority = {} as Authority;
  const context = { mesh: mesh as unknown as MeshState, authority, timers, log: silentLogger };
  const runtime: Pick<NodeRuntime, "advert" | "setAdverts" | "handlePeerGone" | "handleRightsChange"> = {
    advert: () => EMPTY_ADVERT,
    setAdverts: (_, [advert]) => (followed.push(advert?.run ?? 0), 0),
    handlePeerGone() {},
    handleRightsChange() {},
  };
  const shared = new AdvertSync(context, runtime, () => {});
  const change = () => {
    run++;
    for (let part = 0; part < 64; part++) {
      shared.handleEntryEvent({ kind: "service", key: `${part}`, origin } as EntryEvent);
    }
  };
  change();
  timers.advance(1);
  assert.deepEqual(followed, [1]);
  for (let i = 0; i < 100; i++) {
    change();
    timers.advance(10);
  }
  timers.advance(400);
  assert.ok(followed.length >= 6 && followed.length <= 8, `${followed}`);
  assert.equal(followed.at(-1), 101, "the last one is not forgotten");
  assert.equal(timers.size, 0);
  change();
  shared.close();
  assert.equal(timers.size, 0);
});

Deno.test("AdvertSync counts once what it refuses of an advert, and takes the rest", () => {
  const timers = new VirtualTimers(new VirtualClock());
  const origin = "them" as NodeId;
  const service = {
    path: "math",
    version: "1.0.0",
    description: "",
    state: "running",
    actions: [],
    events: [],
    elects: false,
    port: 0,
    protocol: "tcp",
  } as const;
  const services = [service, { ...service, path: "../../etc/passwd" }];
  const bodies = [encodeAdvert({ ...EMPTY_ADVERT, services }), Uint8Array.of(7)];
  const entries = { of: () => bodies.map((body) => ({ kind: "service", body })), write: () => undefined };
  const mesh = {
    identity: { id: "us", publicKey: {} },
    network: { id: "network" },
    replica: { roster: { get: () => ({}), isRevoked: () => false }, entries },
  };
  let taken: readonly string[] = [];
  const shared = new AdvertSync(
    { mesh: mesh as unknown as MeshState, authority: {} as Authority, timers, log: silentLogger },
    {
      advert: () => EMPTY_ADVERT,
      setAdverts: (_, adverts) => {
        taken = adverts.flatMap((advert) => advert.services.map(({ path }) => path));
        return 0;
      },
      handlePeerGone() {},
      handleRightsChange() {},
    },
    () => {},
  );
  for (let i = 0; i < 3; i++) {
    shared.handleEntryEvent({ kind: "service", key: "0", origin } as EntryEvent);
    timers.advance(1_000);
  }
  assert.deepEqual(taken, ["math"]);
  assert.equal(shared.refused, 2);
  shared.close();
});
