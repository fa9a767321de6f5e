import assert from "node:assert/strict";
import { silentLogger, StateError, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { MemberAnswer, MemberRequest, MeshMessage, MeshState, NodeId } from "../../mesh/mod.ts";
import { MeshFixture } from "../../mesh/testing/mesh_fixture.ts";
import { Authority } from "../authority/mod.ts";
import { Departure } from "../departure.ts";
import { UnconfirmedError, UnreachableError } from "../errors.ts";
import type { MessagePlane } from "../links/mod.ts";
import { LeaderActs } from "./leader_acts.ts";
import { askToLeave, type LeaveOutcome } from "./leave_request.ts";
import type { RequestOutcome } from "./member_requests.ts";
import { PathClaims } from "./path_claims.ts";
import { RequestServer } from "./request_server.ts";

type LeaderActsParts = ConstructorParameters<typeof LeaderActs>[0];

/** Two leaders, and a member that leaves; what leaders do is done by the servers of their agents. */
class Stage {
  readonly fixture = new MeshFixture(71);
  readonly timers = new VirtualTimers(this.fixture.clock);
  readonly a: MeshState = this.fixture.create();
  readonly b: MeshState = this.fixture.join(this.a, "b");
  readonly member: MeshState = this.fixture.join(this.a, "m");
  /** Whom it asked, in this order. */
  readonly asked: string[] = [];

  constructor() {
    this.fixture.sync(this.a, this.b, this.member);
    this.fixture.promote(this.a, this.b);
    this.fixture.sync(this.a, this.b, this.member);
  }

  /** Has a leader serve the request. @returns its answer, whether that arrives or not */
  async serve(leader: MeshState): Promise<MemberAnswer | undefined> {
    let answer: MemberAnswer | undefined;
    const messages: Pick<MessagePlane, "send"> = {
      send: (_to: NodeId, message: MeshMessage) => {
        if (message.kind === "response") answer = message.answer;
        return Promise.resolve(true);
      },
    };
    const context = { mesh: leader, authority: new Authority(leader), clock: this.fixture.clock };
    const server = new RequestServer({
      ...context,
      log: silentLogger,
      messages,
      claims: new PathClaims(context),
      overlayEndpoints: { serve: () => ({ answer: { kind: "refused" } }) },
      settleSlices: () => {},
      decideByElected: () => Promise.resolve(undefined),
      isElected: () => true,
    });
    await server.serve(this.member.identity.id, 1, { kind: "leave" });
    return answer;
  }

  parts(ways: Record<string, (times: number) => Promise<RequestOutcome>>, leaders = () => [this.a, this.b]) {
    const times = new Map<string, number>();
    return {
      mesh: this.member,
      clock: this.fixture.clock,
      timers: this.timers,
      log: silentLogger,
      views: () => [],
      settleSlices: () => {},
      likelyLeaders: () => leaders().map(({ identity }) => identity.id),
      requests: {
        ask: (nodeId: NodeId) => {
          const name = this.member.roster.recordById(nodeId)?.name ?? "";
          const before = times.get(name) ?? 0;
          times.set(name, before + 1);
          this.asked.push(name);
          return ways[name]?.(before) ?? Promise.resolve("unsent" as const);
        },
      },
    };
  }

  /** Has the member's store take nothing any more. @returns what makes room again */
  fillDisk(): () => void {
    const store = this.fixture.stores.get(this.member) ?? assert.fail();
    const { put } = store;
    store.put = () => {
      throw new StateError("the disk is full");
    };
    return () => store.put = put;
  }

  /** Lets time pass until it is done. */
  async until<T>(done: Promise<T>): Promise<T> {
    let isDone = false;
    done.then(() => isDone = true, () => isDone = true);
    while (!isDone) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.timers.advance(100);
    }
    return await done;
  }

  async leave(...args: Parameters<Stage["parts"]>): Promise<LeaveOutcome> {
    return await this.until(askToLeave(this.parts(...args), new AbortController().signal));
  }

  /** How often it is noted at a leader that somebody has left. */
  departures(leader: MeshState): number {
    const { audit } = leader.leadership;
    return audit?.list({ limit: 100 }).filter(({ kind }) => kind === "left").length ?? 0;
  }
}

const nothing = (): Promise<undefined> => Promise.resolve(undefined);

Deno.test("askToLeave() is done with the first answer, and asks nobody else", async () => {
  const stage = new Stage();
  assert.equal(await stage.leave({ a: () => stage.serve(stage.a) }), "removed");
  assert.deepEqual([stage.asked, stage.member.record.revoked], [["a"], true]);
});

Deno.test("askToLeave() asks the same leader again when the answer is lost, and is removed once", async () => {
  for (const lost of ["lost", undefined] as const) {
    const stage = new Stage();
    const a = async (times: number) => {
      const answer = await stage.serve(stage.a);
      return times === 0 ? lost : answer;
    };
    assert.equal(await stage.leave({ a }, () => [stage.a]), "removed");
    assert.deepEqual([stage.asked, stage.departures(stage.a)], [["a", "a"], 1]);
  }
});

Deno.test("askToLeave() asks another leader when one has done it and died, whether that one has heard it or not", async () => {
  for (const hasHeard of [true, false]) {
    const stage = new Stage();
    const a = async () => {
      await stage.serve(stage.a);
      if (hasHeard) stage.fixture.sync(stage.a, stage.b);
      return "lost" as const;
    };
    assert.equal(await stage.leave({ a, b: () => stage.serve(stage.b) }), "removed");
    assert.deepEqual(stage.asked, ["a", "b"]);
    stage.fixture.sync(stage.a, stage.b, stage.member);
    for (const { roster } of [stage.a, stage.b, stage.member]) {
      assert.ok(roster.isRevoked(stage.member.identity.publicKey));
      assert.deepEqual(roster.members().map(({ record }) => record.name).sort(), ["a", "b"]);
    }
  }
});

Deno.test("askToLeave() finds the leaders there are now, and hears by whichever way that it is removed", async () => {
  const changing = new Stage();
  const ways = { a: nothing, b: () => changing.serve(changing.b) };
  const leaders = () => changing.asked.length < 2 ? [changing.a] : [changing.b];
  assert.equal(await changing.leave(ways, leaders), "removed");
  assert.deepEqual(changing.asked, ["a", "a", "b"]);

  const called = new Stage();
  const a = async (times: number) => {
    if (times === 0) {
      await called.serve(called.a);
      return "lost" as const;
    }
    // Who calls it finds that it is none any more, and is sent why.
    called.member.replica.merge(called.a.replica.snapshot());
    return "unsent" as const;
  };
  assert.equal(await called.leave({ a }, () => [called.a]), "removed");
});

Deno.test("askToLeave() says at once that no leader was reached, or that all refuse, and after 15 s that one may have heard it", async () => {
  const stage = new Stage();
  const startedAt = stage.fixture.clock.now();
  assert.equal(await stage.leave({}), "unreached");
  const refused = () => Promise.resolve({ kind: "refused" } as const);
  assert.equal(await stage.leave({ a: refused, b: refused }), "refused");
  assert.ok(stage.fixture.clock.now() - startedAt < 1_000);
  assert.equal(await stage.leave({ a: nothing }), "unconfirmed");
  const tookMs = stage.fixture.clock.now() - startedAt;
  assert.ok(tookMs >= 15_000 && tookMs < 20_000, `${tookMs} ms`);
});

Deno.test("Departure.leave() may be asked again after it has failed, and one that may have been heard is done by its removal", async () => {
  const stage = new Stage();
  const options = { ephemeral: "off" } as const;
  const departure = new Departure({ mesh: stage.member, log: silentLogger, timers: stage.timers, options });
  const acts = (...args: Parameters<Stage["parts"]>) => new LeaderActs(stage.parts(...args));
  await assert.rejects(departure.leave(acts({}), false), (error) => !(error instanceof UnconfirmedError));
  assert.equal(stage.member.leaving, undefined, "none has heard it");
  const lost = async () => {
    await stage.serve(stage.a);
    return undefined;
  };
  const unconfirmed = stage.until(departure.leave(acts({ a: lost }, () => [stage.a]), false));
  await assert.rejects(unconfirmed, UnconfirmedError);
  assert.deepEqual([stage.member.leaving, departure.isUnderWay, departure.isDone], ["asked", false, false]);

  const again = stage.until(departure.leave(acts({ a: () => stage.serve(stage.a) }), false));
  assert.equal(await again, true);
  assert.deepEqual([stage.member.leaving, departure.isDone, stage.departures(stage.a)], ["left", true, 1]);

  const other = new Stage();
  const late = new Departure({ mesh: other.member, log: silentLogger, timers: other.timers, options });
  const lostToo = async () => {
    await other.serve(other.a);
    return undefined;
  };
  const parts = other.parts({ a: lostToo }, () => [other.a]);
  await assert.rejects(other.until(late.leave(new LeaderActs(parts), false)), UnconfirmedError);
  late.handleRemoval();
  assert.equal(other.member.leaving, "left");
});

Deno.test("Departure.leave() may be asked again after the disk was full", async () => {
  for (const isForced of [false, true]) {
    const stage = new Stage();
    const options = { ephemeral: "off" } as const;
    const departure = new Departure({ mesh: stage.member, log: silentLogger, timers: stage.timers, options });
    const leave = () => {
      const acts = new LeaderActs(stage.parts({ a: () => stage.serve(stage.a) }));
      return stage.until(departure.leave(acts, isForced));
    };
    const mend = stage.fillDisk();
    await assert.rejects(leave(), StateError);
    assert.deepEqual([departure.isUnderWay, departure.isDone], [false, false]);
    mend();
    assert.equal(await leave(), true);
    assert.deepEqual([stage.member.leaving, departure.isDone], ["left", true]);
  }
});

Deno.test("Departure.leaveAtEnd() hinders no node from stopping whose disk is full", async () => {
  const mesh = {
    role: "member",
    record: { ephemeralMs: 60_000 },
    set leaving(_: unknown) {
      throw new StateError("the disk is full");
    },
  } as unknown as MeshState;
  const options = { ephemeral: 60_000 };
  const timers = new VirtualTimers(new VirtualClock());
  const departure = new Departure({ mesh, log: silentLogger, timers, options });
  assert.ok(departure.isDueAtEnd);
  await departure.leaveAtEnd({ leave: () => Promise.resolve() });
  assert.equal(departure.isDone, false);
});

Deno.test("a leader that leaves hands over to another one when the first does not answer, and nothing is lost", async () => {
  const stage = new Stage();
  const c = stage.fixture.join(stage.a, "c");
  stage.fixture.promote(stage.a, c);
  stage.fixture.sync(stage.a, stage.b, c, stage.member);
  const all = [stage.b, c];
  const [first, second] = all as [MeshState, MeshState];
  const handedTo: string[] = [];
  const parts = {
    ...stage.parts({}, () => []),
    mesh: stage.a,
    views: () => all.map(({ identity }) => ({ nodeId: identity.id, isAlive: true })),
    requests: {
      ask: (nodeId: NodeId, request: () => MemberRequest) => {
        const asked = request();
        const heir = all.find(({ identity }) => identity.id === nodeId);
        if (asked.kind !== "handover" || heir === undefined) return Promise.resolve("unsent" as const);
        handedTo.push(heir.record.name);
        // The first one's answer is lost three times.
        heir.leadership.take(asked.slices, asked.update, stage.a.record);
        return Promise.resolve(heir === first ? "lost" as const : { kind: "done" } as const);
      },
    },
  } as unknown as LeaderActsParts;
  const before = [stage.a, ...all].flatMap(({ leadership }) => leadership.slices).reduce(sum, 0n);
  await assert.rejects(new LeaderActs(parts).leave(), UnreachableError);
  assert.deepEqual(handedTo, [first, first, first, second].map(({ record }) => record.name));
  assert.equal(stage.a.role, "member");
  assert.equal(all.flatMap(({ leadership }) => leadership.slices).reduce(sum, 0n), before);
});

function sum(total: bigint, { size }: { readonly size: bigint }): bigint {
  return total + size;
}
