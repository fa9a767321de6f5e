import assert from "node:assert/strict";
import { type ByteStream, MemoryStateStore, silentLogger, VirtualTimers } from "../../base/mod.ts";
import { acceptChannel } from "../../channel/mod.ts";
import {
  decodeHello,
  decodeMeshMessage,
  encodeJoinRequest,
  type JoinToken,
  MeshState,
} from "../../mesh/mod.ts";
import { CIDR, MeshFixture } from "../../mesh/testing/mesh_fixture.ts";
import { Endpoint } from "../../net/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { Rejoin } from "./rejoin.ts";
import { serveJoin } from "./serve_join.ts";

const OWN = { endpoints: [], channelEndpoints: [], labels: {} };
const AT = Endpoint.parse("192.0.2.1:51820") ?? assert.fail();
const TOKEN_MS = 3_600_000;

/** A leader, and a member that another leader let in, which was removed before it told anybody. */
class Stage {
  readonly fixture = new MeshFixture(77);
  readonly timers = new VirtualTimers(this.fixture.clock);
  readonly lead: MeshState = this.fixture.create();
  readonly token: JoinToken;
  readonly member: MeshState;
  readonly logged: string[] = [];
  dials = 0;
  readonly rejoin: Rejoin;

  constructor(uses?: number) {
    const { lead, fixture } = this;
    lead.state({ ...OWN, channelEndpoints: [AT] });
    const lost = fixture.join(lead, "lost");
    this.token = lead.tokens?.create({
      networkId: lead.network.id,
      leaderPublicKey: lead.identity.publicKey,
      endpoints: [],
      cidr: CIDR,
      lifetimeMs: TOKEN_MS,
      uses,
    }) ?? assert.fail();
    lead.replica.publish(lead.shareTokens(true));
    fixture.sync(lead, lost);
    fixture.promote(lead, lost);
    lost.shareTokens();
    this.member = this.#join(lost);
    assert.ok(lead.admission?.revoke(lost.identity.publicKey));
    const log = (text: string) => void this.logged.push(text);
    this.rejoin = new Rejoin({
      mesh: this.member,
      clock: fixture.clock,
      timers: this.timers,
      random: fixture.random,
      log: { ...silentLogger, warn: log, info: log, error: log },
      endpoints: { channelEndpoints: ({ statement }) => [...statement?.channelEndpoints ?? []] },
      own: () => OWN,
      dial: (target) => Promise.resolve(String(target) === String(AT) ? this.#dial() : undefined),
    });
  }

  /** Has so much time pass as the agent has it: who has a link, and whether members refuse its dials. */
  async pass(ms: number, linked: readonly MeshState[] = [], isRefused = true): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.timers.advance(1_000);
      if (passed % 10_000 === 0) {
        if (isRefused) this.rejoin.noteRefused();
        this.rejoin.lookAfter(linked.map(({ identity }) => identity.id));
      }
      for (let i = 0; i < 40; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #join(leader: MeshState): MeshState {
    const store = new MemoryStateStore();
    const { clock, random, options } = this.fixture;
    const identity = MeshState.prepareJoin(store, random);
    const asked = decodeMeshMessage(encodeJoinRequest(identity, this.token, { ...OWN, name: "web", clock }));
    assert(asked?.kind === "join-request");
    const { tokenId } = this.token;
    const enrolled = leader.admission?.admit({
      ...asked.request,
      tokenId,
      remotePublicKey: identity.publicKey,
    });
    assert(typeof enrolled === "object", String(enrolled));
    const [answer] = leader.admittedMessages(enrolled).map(decodeMeshMessage);
    assert(answer?.kind === "admitted");
    const state = MeshState.completeJoin(store, { ...options, admitted: answer.admitted, token: this.token });
    assert(state instanceof MeshState);
    return state;
  }

  #dial(): ByteStream {
    this.dials++;
    const [here, there] = memoryStreamPair();
    const { lead, timers, fixture: { clock, random } } = this;
    void (async () => {
      const accepted = await acceptChannel(there, {
        localStatic: lead.identity.privateKey,
        random,
        clock,
        timers,
        authorize: (bytes, key) => {
          const hello = decodeHello(bytes);
          const presharedKey = hello?.kind === "join" && lead.tokens?.presharedKeyFor(hello.tokenId, key);
          return presharedKey ? { presharedKey, reply: new Uint8Array(0), context: undefined } : undefined;
        },
      });
      if (accepted === undefined) return;
      const parts = {
        mesh: lead,
        timers,
        log: silentLogger,
        clock,
        countUse: () => Promise.resolve("here" as const),
      };
      await serveJoin(accepted.channel, { tokenId: this.token.tokenId, source: AT }, parts);
    })();
    return here;
  }
}

Deno.test("Rejoin has a member let in again whose leader was removed before it told anybody", async () => {
  const stage = new Stage();
  const { lead, member, rejoin } = stage;
  assert.equal(lead.roster.get(member.identity.id), undefined);
  const former = member.record;
  await stage.pass(20_000);
  assert.deepEqual([stage.dials, rejoin.warnings()], [0, []], "it may only be late");
  await stage.pass(30_000);
  const known = lead.roster.get(member.identity.id)?.record ?? assert.fail(stage.logged.join("; "));
  assert.deepEqual(member.record, known);
  assert.ok(known.version > former.version && known.name === "web");
  assert.match(stage.logged.join("; "), /let in again by another leader/);
  assert.equal(member.roster.members().length, 2, "it has heard who was removed");
  // Whatever others have heard, what was signed last counts.
  lead.replica.merge(member.replica.snapshot());
  assert.deepEqual(lead.roster.get(member.identity.id)?.record, known);
  await stage.pass(10_000, [lead], false);
  assert.deepEqual(rejoin.warnings(), []);
});

Deno.test("Rejoin tells a person when the token is good no more, and asks with it no further", async () => {
  const used = new Stage(1);
  used.lead.tokens?.revoke(used.token.tokenId);
  await used.pass(200_000);
  assert.equal(used.lead.roster.get(used.member.identity.id), undefined);
  assert.match(used.logged.join("; "), /not let in again/);
  const expired = new Stage();
  expired.timers.advance(TOKEN_MS);
  await expired.pass(60_000);
  for (const { rejoin, member } of [expired]) {
    assert.equal(member.joinToken, undefined);
    const [warning] = rejoin.warnings();
    assert.equal(warning?.kind, "membership");
    assert.match(warning.text, /members answer, and do not know this node/);
    assert.match(warning.hint, /Ask for a new token, then `weft leave --force`/);
  }
  assert.equal(expired.dials, 0);
});

Deno.test("Rejoin asks nobody while a leader is linked or nobody answers, and forgets the token when two leaders are", async () => {
  const stage = new Stage();
  await stage.pass(60_000, [stage.lead]);
  await stage.pass(300_000, [], false);
  assert.deepEqual([stage.dials, stage.rejoin.warnings()], [0, []]);
  assert.ok(stage.member.joinToken !== undefined);
  const other = stage.fixture.join(stage.lead, "other");
  stage.fixture.promote(stage.lead, other);
  stage.member.replica.merge(stage.lead.replica.snapshot());
  await stage.pass(1_000, [stage.lead, other]);
  assert.equal(stage.member.joinToken, undefined);
});
