/**
 * Nodes that went on under new keys while nobody could hear it.
 * @module
 */

import assert from "node:assert/strict";
import { type ByteStream, silentLogger, VirtualTimers } from "../../base/mod.ts";
import { channelCounters } from "../../channel/mod.ts";
import type { MeshState } from "../../mesh/mod.ts";
import { MeshFixture } from "../../mesh/testing/mesh_fixture.ts";
import { Endpoint } from "../../net/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { MessagePlane } from "./message_plane.ts";
import { Acceptor, settled } from "./testing/message_plane_fixture.ts";

const NOTHING = { endpoints: [], channelEndpoints: [], labels: {} };

/** A leader and two members that know each other, each at an endpoint of its own. */
class Stage implements AsyncDisposable {
  readonly fixture = new MeshFixture(61);
  readonly timers = new VirtualTimers(this.fixture.clock);
  lead: MeshState;
  readonly web: MeshState;
  readonly db: MeshState;
  readonly #planes: MessagePlane[] = [];
  readonly #acceptors = new Map<string, Acceptor>();
  /** Who answers dials. */
  reachable: readonly string[] = ["lead", "web", "db"];

  constructor() {
    this.lead = this.fixture.create();
    [this.web, this.db] = ["web", "db"].map((name) => this.fixture.join(this.lead, name)) as [
      MeshState,
      MeshState,
    ];
    for (const [i, state] of [this.lead, this.web, this.db].entries()) {
      state.state({ ...NOTHING, channelEndpoints: [endpointOf(i)] });
    }
    this.fixture.sync(this.lead, this.web, this.db);
    this.fixture.clock.advance(1_000);
  }

  /** Gives a leader new keys that nobody hears of. */
  rotate(): void {
    const rotation = this.lead.prepareRotation({ ...NOTHING, channelEndpoints: [endpointOf(0)] });
    assert.ok(Array.isArray(this.lead.admission?.rotate(this.lead.record, rotation)));
    // Its process may end at any moment.
    this.lead = this.fixture.load(this.lead);
    assert.ok(this.lead.adoptRotation());
    this.lead = this.fixture.load(this.lead);
  }

  start(name: "lead" | "web" | "db"): MessagePlane {
    const mesh = this[name];
    const { clock, random } = this.fixture;
    const acceptor = new Acceptor();
    this.#acceptors.set(name, acceptor);
    const plane = new MessagePlane({
      identity: mesh.identity,
      networkId: mesh.network.id,
      verifyingKey: mesh.network.verifyingKey,
      replica: mesh.replica,
      formerStatic: () => mesh.formerIdentity?.privateKey,
      succession: () => mesh.succession,
      listener: acceptor,
      clock,
      timers: this.timers,
      random,
      log: silentLogger,
      counters: channelCounters(),
      dial: async (target) => await this.#dial(String(target)),
      endpoints: { channelEndpoints: ({ statement }) => [...statement?.channelEndpoints ?? []] },
      tokenKey: () => undefined,
      serveJoin: () => Promise.resolve(),
      renew: () => false,
      onLeaderMessage: () => {},
      onSuspicion: () => {},
      onPathMessage: () => {},
    });
    this.#planes.push(plane);
    plane.start();
    return plane;
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.timers.advance(250);
      await settled();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = Promise.all(this.#planes.map((plane) => plane.close()));
    await this.pass(2_000);
    this.timers.advance(60_000);
    await closing;
  }

  async #dial(target: string): Promise<ByteStream | undefined> {
    await settled();
    const name = ["lead", "web", "db"].find((_, i) => String(endpointOf(i)) === target) ?? "";
    const acceptor = this.reachable.includes(name) ? this.#acceptors.get(name) : undefined;
    if (acceptor === undefined) return undefined;
    const [here, there] = memoryStreamPair();
    acceptor.hand(there, endpointOf(9));
    return here;
  }
}

function endpointOf(i: number): Endpoint {
  return Endpoint.parse(`192.0.2.${i + 1}:51820`) ?? assert.fail();
}

Deno.test("a leader that changed its keys alone is taken for who it is by whoever it dials, and by whoever dials it", async () => {
  for (const times of [1, 3]) {
    for (const reachable of [["web"], ["lead"]]) {
      await using stage = new Stage();
      const former = stage.lead.identity.id;
      for (let i = 0; i < times; i++) stage.rotate();
      stage.reachable = reachable;
      const [lead, web] = [stage.start("lead"), stage.start("web")];
      await stage.pass(20_000);
      const what = `${times} times, dials to ${reachable}`;
      assert.ok(web.links.get(stage.lead.identity.id) !== undefined, what);
      assert.ok(lead.links.get(stage.web.identity.id) !== undefined, what);
      assert.equal(stage.web.roster.get(former), undefined, what);
      assert.deepEqual(stage.web.roster.members().length, 3, what);
      // Who has heard it tells others, and the former keys are worth nothing any more.
      stage.lead.forgetFormerIdentity();
      assert.equal(stage.fixture.load(stage.lead).succession, undefined);
      stage.reachable = ["db"];
      stage.start("db");
      await stage.pass(20_000);
      assert.ok(stage.db.roster.get(stage.lead.identity.id) !== undefined, what);
    }
  }
});

Deno.test("a leader that was removed under its former keys is told so, whatever keys it has now", async () => {
  for (const reachable of [["web"], ["lead"]]) {
    await using stage = new Stage();
    stage.fixture.promote(stage.lead, stage.db);
    stage.fixture.sync(stage.lead, stage.web, stage.db);
    assert.ok(stage.db.admission?.revoke(stage.lead.identity.publicKey));
    stage.fixture.sync(stage.db, stage.web);
    stage.rotate();
    stage.reachable = reachable;
    const web = stage.start("web");
    stage.start("lead");
    await stage.pass(20_000);
    assert.equal(web.links.all().length, 0);
    assert.equal(stage.web.roster.recordByKey(stage.lead.identity.publicKey), undefined);
  }
});
