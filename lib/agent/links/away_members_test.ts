/**
 * How often members are dialled that do not answer.
 * @module
 */

import assert from "node:assert/strict";
import { NO_UPDATE, type NodeIdentity } from "../../mesh/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { MessagePlaneFixture, settled } from "./testing/message_plane_fixture.ts";
import { PlaneNetwork } from "./testing/plane_network.ts";

const STEP_MS = 5_000;
const HOUR_MS = 3_600_000;

/** A plane whose dials nobody answers, and how many there were. */
class LonelyPlane implements AsyncDisposable {
  dials = 0;
  readonly fixture: MessagePlaneFixture;

  constructor(parts: ConstructorParameters<typeof MessagePlaneFixture>[0] = {}) {
    this.fixture = new MessagePlaneFixture({
      ...parts,
      dial: () => (this.dials++, Promise.resolve(undefined)),
    });
  }

  /** @returns a member with one endpoint */
  away(version = 1): NodeIdentity {
    const node = this.fixture.member();
    this.fixture.roster.mergeStatement(this.fixture.statement(node, version));
    return node;
  }

  /** Lets time pass. @returns how many dials there were meanwhile */
  async pass(ms: number): Promise<number> {
    const before = this.dials;
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.fixture.timers.advance(STEP_MS);
      await settled();
    }
    return this.dials - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
  }
}

Deno.test("a member that was away for hours is dialled a few times an hour, and at once when there is news of it", async () => {
  await using lonely = new LonelyPlane();
  const node = lonely.away();
  lonely.fixture.replica.deliverEvents();
  assert.ok(await lonely.pass(600_000) > 15, "often at first");
  await lonely.pass(2 * HOUR_MS);
  const hourly = await lonely.pass(4 * HOUR_MS) / 4;
  assert.ok(hourly >= 3 && hourly <= 8, `${hourly} an hour`);
  lonely.fixture.replica.merge({ ...NO_UPDATE, statements: [lonely.fixture.statement(node, 2)] });
  lonely.fixture.replica.deliverEvents();
  assert.ok(await lonely.pass(10_000) >= 1, "it has said something");
});

Deno.test("a leader that is away is dialled twice a minute for as long as it is one", async () => {
  await using lonely = new LonelyPlane();
  const node = lonely.away();
  lonely.fixture.roster.merge(
    lonely.fixture.record(node, { roles: ["leader", "member"], version: 2 }),
  );
  lonely.fixture.replica.deliverEvents();
  await lonely.pass(4 * HOUR_MS);
  const hourly = await lonely.pass(HOUR_MS);
  assert.ok(hourly > 110 && hourly < 250, `${hourly} an hour`);
});

Deno.test("two hundred members that are away are dialled some times a minute in all", async () => {
  await using lonely = new LonelyPlane();
  for (let i = 0; i < 200; i++) lonely.away();
  lonely.fixture.replica.deliverEvents();
  await lonely.pass(16 * HOUR_MS);
  const startedAt = performance.now();
  const perMinute = await lonely.pass(4 * HOUR_MS) / 240;
  const ms = performance.now() - startedAt;
  assert.ok(perMinute > 0.5 && perMinute < 5, `${perMinute} a minute, ${ms} ms`);
});

Deno.test("members of whom nobody has heard for long are tried a few times by a node that starts", async () => {
  await using lonely = new LonelyPlane({ unheardMs: () => 2 * HOUR_MS });
  lonely.away();
  lonely.fixture.replica.deliverEvents();
  await lonely.pass(120_000);
  const hourly = await lonely.pass(2 * HOUR_MS) / 2;
  assert.ok(lonely.dials >= 4 && hourly <= 8, `${lonely.dials}, ${hourly} an hour`);
});

Deno.test("who refuses at the endpoint of a member that is away counts unless another member says that it is there now", async () => {
  const endpoint = Endpoint.parse("192.0.2.99:51820") ?? assert.fail();
  for (const saysSo of [true, false]) {
    await using network = new PlaneNetwork();
    let refusals = 0;
    network.start(3, 0, (index) => index === 0 ? { onRefused: () => void refusals++ } : {});
    const [a, b, away] = network.nodes;
    assert.ok(a && b && away);
    await network.until("all are linked", () => a.wayTo(b) === "direct" && a.wayTo(away) === "direct");
    network.kill(away);
    for (const node of [b, away]) Object.defineProperty(node, "endpoint", { value: endpoint });
    network.restate(away);
    if (saysSo) network.restate(b);
    await network.pass(60_000);
    assert.deepEqual([a.wayTo(b), refusals > 0], ["direct", !saysSo]);
  }
});
