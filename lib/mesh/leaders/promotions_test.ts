import assert from "node:assert/strict";
import { StateError } from "../../base/mod.ts";
import type { MeshState } from "../mesh_state.ts";
import { MeshFixture, sent } from "../testing/mesh_fixture.ts";
import type { Promotion } from "./promotions.ts";

const RESERVED_MS = 3_600_000;

/** A leader, a member that it promotes, and another leader; each may crash at any moment, and goes on from its store. */
class Stage {
  readonly fixture: MeshFixture;
  a: MeshState;
  b: MeshState;
  readonly c: MeshState;

  constructor(seed: number) {
    this.fixture = new MeshFixture(seed);
    this.a = this.fixture.create();
    this.c = this.fixture.join(this.a, "c");
    this.fixture.promote(this.a, this.c);
    this.b = this.fixture.join(this.a, "b");
    this.fixture.sync(this.a, this.b, this.c);
  }

  crash(who: "a" | "b"): void {
    this[who] = this.fixture.load(this[who]);
  }

  /** Has everybody hear of everything, and do what follows, for longer than anything set aside stays so. */
  settle(): void {
    for (const ms of [0, 0, RESERVED_MS, 21_000, 21_000, 0, 0]) {
      this.fixture.clock.advance(ms);
      this.fixture.sync(this.a, this.b, this.c);
      for (const { leadership } of [this.a, this.b, this.c]) {
        leadership.takeOffer();
        leadership.yield();
      }
      for (const { leadership } of [this.a, this.b, this.c]) {
        leadership.settleSlices(leadership === this.a.leadership);
      }
    }
    this.fixture.sync(this.a, this.b, this.c);
  }

  /** What the three of them say of whether the member leads, all the same. */
  leads(): boolean {
    const { id } = this.b.identity;
    const said = [this.a, this.b, this.c].map(({ roster }) =>
      roster.recordById(id)?.roles.includes("leader") ?? false
    );
    assert.equal(new Set([...said, this.b.role === "leader"]).size, 1, `${said}, it is a ${this.b.role}`);
    const held = [this.a, this.b, this.c].flatMap(({ leadership }) => leadership.slices)
      .reduce((sum, { size }) => sum + size, 0n);
    assert.equal(held, 64n, "every address is somebody's, once");
    return this.b.role === "leader";
  }
}

/** What happens one after the other; from `COMMIT` on the member is to lead. */
const STEPS = ["offered", "sent", "taken", "answered", "confirmed", "told", "leading"] as const;
const COMMIT = STEPS.indexOf("confirmed");

/** Promotes until `last`, and then whoever is to crash does. @returns the request, which may arrive late */
function promoteUntil(stage: Stage, last: number, crashing: readonly ("a" | "b")[]): Promotion {
  const request = sent(stage.a.leadership.promotions.offer(stage.b.record));
  assert(request.kind === "promotion");
  const acts: readonly (() => void)[] = [
    () => {},
    () => {},
    () => assert(stage.b.leadership.accept(request) !== undefined),
    () => {},
    () => assert(stage.a.leadership.promotions.confirm(stage.b.record) !== undefined),
    () => stage.fixture.sync(stage.a, stage.b),
    () => assert(stage.b.leadership.takeOffer() !== undefined),
  ];
  for (let step = 0; step <= last; step++) acts[step]?.();
  for (const who of crashing) stage.crash(who);
  return request;
}

Deno.test("a promotion is done or not, for all and for good, whoever crashes at whichever step", () => {
  for (const [last, name] of STEPS.entries()) {
    for (const crashing of [["a"], ["b"], ["a", "b"]] as const) {
      const stage = new Stage(80 + last);
      const request = promoteUntil(stage, last, crashing);
      stage.settle();
      const what = `${name}, ${crashing.join(" and ")} crashed`;
      assert.equal(stage.leads(), last >= COMMIT, what);
      // What arrives late changes nothing.
      if (last < STEPS.indexOf("taken")) stage.b.leadership.accept(request);
      stage.settle();
      assert.equal(stage.leads(), last >= COMMIT, `${what}, later`);
      // And it can be done again.
      if (last >= COMMIT) continue;
      stage.fixture.promote(stage.a, stage.b);
      stage.settle();
      assert.equal(stage.leads(), true, `${what}, again`);
    }
  }
});

Deno.test("Promotions.confirm() is undone as a whole when the store fails at whichever write", () => {
  const stage = new Stage(90);
  promoteUntil(stage, COMMIT - 1, []);
  const store = stage.fixture.stores.get(stage.a) ?? assert.fail();
  const [put, drop] = [store.put.bind(store), store.delete.bind(store)];
  let isDone = false;
  let failAt = 0;
  for (; !isDone; failAt++) {
    let writes = 0;
    const orFail = () => {
      if (writes++ === failAt) throw new StateError("the disk is full");
    };
    store.put = (...args) => (orFail(), put(...args));
    store.delete = (...args) => (orFail(), drop(...args));
    try {
      isDone = stage.a.leadership.promotions.confirm(stage.b.record) !== undefined;
    } catch (error) {
      assert.ok(error instanceof StateError);
    }
    [store.put, store.delete] = [put, drop];
    const { id } = stage.b.identity;
    for (const { roster } of [stage.a, stage.fixture.load(stage.a)]) {
      assert.equal(roster.recordById(id)?.roles.includes("leader"), isDone, `write ${failAt}`);
    }
  }
  assert.ok(failAt > 3, `${failAt} writes`);
  stage.settle();
  assert.equal(stage.leads(), true);
});

Deno.test("Leadership.takeOffer() leads by the offer that the network means, and leaves others what they hold", () => {
  const stage = new Stage(91);
  // Nobody heard that one, and it is the other leader that promotes it in the end.
  promoteUntil(stage, STEPS.indexOf("answered"), ["a"]);
  stage.fixture.clock.advance(RESERVED_MS);
  stage.settle();
  stage.fixture.promote(stage.c, stage.b);
  stage.settle();
  assert.equal(stage.leads(), true);

  const late = new Stage(92);
  promoteUntil(late, COMMIT, []);
  // It hears of it days later.
  for (let i = 0; i < 4; i++) {
    late.fixture.clock.advance(RESERVED_MS);
    late.fixture.sync(late.a, late.c);
    for (const { leadership } of [late.a, late.c]) leadership.settleSlices(leadership === late.a.leadership);
  }
  late.settle();
  assert.equal(late.leads(), true);
  assert.ok(late.b.leadership.slices.length > 0);
});

Deno.test("a member that was offered to lead keeps no key in the clear, and a leader of a former release has it lead at once", () => {
  const stage = new Stage(93);
  promoteUntil(stage, STEPS.indexOf("answered"), []);
  const store = stage.fixture.stores.get(stage.b) ?? assert.fail();
  const seed = stage.a.leadership.signingKey?.exposeBytes().toHex() ?? assert.fail();
  for (const collection of ["identity", "network", "slice", "entry"]) {
    for (const [key, value] of store.entries(collection)) assert.ok(!value.toHex().includes(seed), key);
  }
  const { isOffer: _, ...request } = stage.a.leadership.promotions.offer(stage.b.record);
  assert.ok(stage.b.leadership.accept(request));
  assert.equal(stage.b.role, "leader");
  assert.ok(stage.a.leadership.promotions.confirm(stage.b.record));
  stage.settle();
  assert.equal(stage.leads(), true);
});
