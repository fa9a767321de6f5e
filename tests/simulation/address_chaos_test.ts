import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, unixMillis, VirtualClock } from "../../lib/base/mod.ts";
import { IpAllocator } from "../../lib/ipam/mod.ts";
import {
  decodeMeshMessage,
  encodeJoinRequest,
  type JoinToken,
  MeshState,
  NO_UPDATE,
} from "../../lib/mesh/mod.ts";
import { Cidr } from "../../lib/net/mod.ts";
import { IS_THOROUGH } from "../lab/requirements.ts";

/** `WEFT_CHAOS_SEEDS` asks for more, `WEFT_CHAOS_SEED` for one. */
const SEEDS = Number(Deno.env.get("WEFT_CHAOS_SEEDS") ?? (IS_THOROUGH ? 1_000 : 12));
const ONE = Deno.env.get("WEFT_CHAOS_SEED");
const STEPS = 14;
const cidr = Cidr.parse("10.200.0.0/26") ?? assert.fail();
const HOSTS = 62n;
/** Longer than what was set aside for a promotion that failed stays so. */
const RESERVED_MS = 3_600_000;
/** How many machines may come by the one token with a limit. */
const USES = 3;
const MAX_NODES = 9;
const NAMES = ["web", "web", "db"] as const;

interface Node {
  state: MeshState;
  readonly store: MemoryStateStore;
  isUp: boolean;
  side: number;
  /** By whom the token with a limit was used, as far as this node can have heard. */
  readonly users: Set<string>;
}

/** A name as it was first given. */
interface Naming {
  readonly node: Node;
  readonly name: string;
}

/** Leaders and members that are cut apart, crash, come, are promoted, demoted and removed. */
class Chaos {
  readonly clock = new VirtualClock(unixMillis(1_700_000_000_000));
  readonly random: SeededRandom;
  readonly nodes: Node[] = [];
  readonly options;
  readonly token: JoinToken;
  /** In this order. */
  readonly namings: Naming[] = [];
  /** Who did not answer when it was to lead, and was promoted by nobody since. */
  readonly takenBack = new Set<Node>();

  readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    const addressPool = (pool: Cidr) => new IpAllocator(pool);
    this.options = { random: this.random, clock: this.clock, addressPool };
    const store = new MemoryStateStore();
    const state = MeshState.create(store, { ...this.options, name: "n0", cidr });
    this.nodes.push({ state, store, isUp: true, side: 0, users: new Set() });
    for (let i = 1; i < 4; i++) this.join(state, `n${i}`, this.newToken(state));
    this.token = this.newToken(state, USES);
    this.exchange();
    const second = this.nodes[1]?.state ?? assert.fail();
    assert(second.leadership.accept(state.leadership.promotions.offer(second.record)) !== undefined);
    this.confirm(state, second.record);
    this.exchange();
  }

  /** A leader has the answer of a member that was offered to lead. */
  confirm({ leadership: { promotions }, replica }: MeshState, member: MeshState["record"]): void {
    replica.publish(promotions.confirm(member) ?? assert.fail("it is no member any more"));
  }

  newToken(leader: MeshState, uses?: number): JoinToken {
    return leader.tokens?.create({
      networkId: leader.network.id,
      leaderPublicKey: leader.identity.publicKey,
      endpoints: [],
      cidr,
      lifetimeMs: uses === undefined ? 1_000 : 30 * 86_400_000,
      uses,
    }) ?? assert.fail();
  }

  /** @returns the elected one: the highest id among the living */
  electedOf(side: number): Node | undefined {
    return this.leadersOf(side).sort((a, b) => a.state.identity.id < b.state.identity.id ? 1 : -1)[0];
  }

  /** A machine comes to a leader by the token with a limit, as the agent has it: the elected leader counts. */
  use(leader: Node): void {
    const { tokenId } = this.token;
    const elected = this.electedOf(leader.side) ?? assert.fail();
    // What this leader knows goes with its question.
    elected.state.replica.merge({ ...NO_UPDATE, entries: leader.state.shareTokens().entries });
    elected.state.shareTokens();
    const left = USES - elected.users.size;
    const before = this.nodes.length;
    const name = this.pick(NAMES) ?? "web";
    this.join(
      leader.state,
      name,
      this.token,
      (key) =>
        elected === leader ? "here" : elected.state.tokens?.count(tokenId, key) ? "elsewhere" : "refused",
    );
    const user = this.nodes[before];
    if (user === undefined) return;
    assert(left > 0, `seed ${this.seed}: ${elected.users.size} were let in where no more were left`);
    for (const node of [leader, elected]) node.users.add(user.state.identity.id);
  }

  join(
    leader: MeshState,
    name: string,
    token: JoinToken,
    count: (key: MeshState["identity"]["publicKey"]) => "here" | "elsewhere" | "refused" = () => "here",
  ): void {
    const store = new MemoryStateStore();
    const identity = MeshState.prepareJoin(store, this.random);
    const wanted = { name, labels: {}, endpoints: [], channelEndpoints: [], clock: this.clock };
    const asked = decodeMeshMessage(encodeJoinRequest(identity, token, wanted));
    assert(asked?.kind === "join-request");
    const { tokenId } = token;
    const { secret, publicKey } = asked.request;
    const counted = leader.tokens?.isUse(tokenId, secret, publicKey) ? count(publicKey) : "here";
    if (counted === "refused") return;
    const request = { ...asked.request, tokenId, remotePublicKey: publicKey };
    const enrolled = leader.admission?.admit(request, counted === "elsewhere");
    if (enrolled === "refused:no-address" || enrolled === "refused:token") return;
    assert(typeof enrolled === "object", String(enrolled));
    const [answer] = leader.admittedMessages(enrolled).map(decodeMeshMessage);
    assert(answer?.kind === "admitted");
    const state = MeshState.completeJoin(store, { ...this.options, admitted: answer.admitted, token });
    assert(state instanceof MeshState);
    const side = this.nodes.find((node) => node.state === leader)?.side ?? 0;
    const node = { state, store, isUp: true, side, users: new Set<string>() };
    this.nodes.push(node);
    this.namings.push({ node, name: state.record.name });
    // So that of two there always is a first.
    this.clock.advance(1);
  }

  isMember({ state }: Node): boolean {
    return !state.roster.isRevoked(state.identity.publicKey);
  }

  leadersOf(side: number): Node[] {
    return this.nodes.filter((node) =>
      node.isUp && node.side === side && node.state.role === "leader" && this.isMember(node)
    );
  }

  get sides(): number[] {
    return [...new Set(this.nodes.map(({ side }) => side))];
  }

  /** All that can reach each other tell each other everything, and do what the agent does then. */
  exchange(): void {
    for (const side of this.sides) {
      const here = this.nodes.filter((node) => node.isUp && node.side === side);
      for (const { state } of this.leadersOf(side)) state.replica.publish(state.shareTokens());
      const users = here.flatMap((node) => [...node.users]);
      for (const node of here) for (const user of users) node.users.add(user);
      for (const from of here) {
        const snapshot = from.state.replica.snapshot();
        for (const to of here) if (to !== from) to.state.replica.merge(snapshot);
      }
      for (const { state } of here) {
        state.replica.handleTimeout();
        state.leadership.yield();
        const begun = state.leadership.takeOffer();
        if (begun !== undefined) state.replica.publish(begun);
      }
      // As the election has it: the highest id among the living.
      const elected = this.electedOf(side);
      for (const node of this.leadersOf(side)) {
        const { state } = node;
        state.leadership.settleSlices(node === elected);
        state.replica.publish(state.shareTokens());
        const named = node === elected ? state.admission?.settleNames() ?? [] : [];
        state.replica.publish({ ...NO_UPDATE, records: named.map(({ signed }) => signed) });
      }
    }
  }

  /** @returns 0 up to 1 */
  draw(): number {
    const bytes = new Uint8Array(2);
    this.random.fill(bytes);
    return ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) / 65_536;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.draw() * items.length)];
  }

  step(): string {
    const node = this.pick(this.nodes) ?? assert.fail();
    const leader = this.pick(this.leadersOf(node.side));
    const act = this.pick(ACTS);
    const known = leader?.state.roster.liveRecord(node.state.identity.id);
    switch (act) {
      case "promote":
      case "lost": {
        if (leader === undefined || known === undefined || known.roles.includes("leader")) break;
        const shared = leader.state.shareTokens(true);
        const { promotions } = leader.state.leadership;
        const request = promotions.offer(known);
        // One of a former release leads as soon as it is asked, and signs that itself.
        const isFormer = this.draw() < 0.3;
        const { isOffer: _, ...former } = request;
        const asked = isFormer ? former : request;
        if (node.isUp && act === "promote" && this.isMember(node)) {
          // On the same link, before the request.
          node.state.replica.merge(shared);
          const isDone = node.state.leadership.accept(asked) !== undefined;
          // Its answer may be lost.
          if (isDone && this.draw() < 0.7) {
            this.confirm(leader.state, known);
            this.takenBack.delete(node);
            break;
          }
        }
        // It may hear the request when it has failed for the one who asked.
        const hearsLate = () => {
          if (node.isUp && this.isMember(node) && this.draw() < 0.5) node.state.leadership.accept(asked);
        };
        if (!isFormer) {
          this.takenBack.add(node);
          // Who asked may be dead by then.
          if (this.draw() < 0.3) leader.isUp = false;
          hearsLate();
          break;
        }
        const update = promotions.takeBack(known);
        assert(update !== undefined);
        leader.state.replica.publish(update);
        this.takenBack.add(node);
        hearsLate();
        break;
      }
      case "demote": {
        if (leader === undefined || leader === node || known?.roles.includes("leader") !== true) break;
        if (!node.isUp) leader.state.leadership.depose(known);
        else if (node.state.role === "leader" && this.isMember(node)) {
          const { answer } = node.state.leadership.demote(leader.state.record);
          assert(answer.kind === "done" && answer.slices !== undefined);
          // Likewise.
          if (this.draw() < 0.7) leader.state.leadership.take(answer.slices, answer.update, known);
        }
        break;
      }
      case "remove":
        if (leader === undefined || leader === node || known === undefined) break;
        leader.state.admission?.revoke(known.publicKey);
        break;
      case "crash":
        node.isUp = false;
        break;
      case "start":
        if (node.isUp) break;
        node.state = MeshState.load(node.store, this.options);
        node.isUp = true;
        break;
      case "split":
        for (const each of this.nodes) each.side = Math.floor(this.draw() * 2);
        break;
      case "join":
        // All at once, before they hear of each other.
        for (const each of this.sides.map((side) => this.pick(this.leadersOf(side)))) {
          if (each === undefined || this.nodes.length >= MAX_NODES) continue;
          this.join(each.state, this.pick(NAMES) ?? "web", this.newToken(each.state));
        }
        break;
      case "use":
        for (const each of this.sides.flatMap((side) => this.leadersOf(side))) this.use(each);
        break;
      case "wait":
        this.clock.advance(15_000);
    }
    this.clock.advance(1_000);
    this.exchange();
    return String(act);
  }

  /** All are there again, and have time. */
  heal(): void {
    for (const node of this.nodes) {
      node.side = 0;
      if (!node.isUp) node.state = MeshState.load(node.store, this.options);
      node.isUp = true;
    }
    for (const ms of [0, 0, 21_000, 21_000, RESERVED_MS, 21_000, 21_000, 0]) {
      this.clock.advance(ms);
      this.exchange();
    }
  }
}

const ACTS = [
  "promote",
  "lost",
  "demote",
  "remove",
  "crash",
  "start",
  "split",
  "join",
  "join",
  "use",
  "use",
  "wait",
] as const;

/** Names are one member's each, who had it first has it still, and who has another one now is told what it was. */
function checkNames(chaos: Chaos, text: () => string): void {
  const first = new Map<string, Node>();
  for (const { name, node } of chaos.namings) if (!first.has(name)) first.set(name, node);
  for (const { state } of chaos.nodes.filter((node) => chaos.isMember(node))) {
    const live = state.roster.liveRecords().toArray();
    assert.equal(new Set(live.map(({ name }) => name)).size, live.length, `${text()}: two have one name`);
    for (const { name, node } of chaos.namings) {
      const record = state.roster.liveRecord(node.state.identity.id);
      if (record === undefined) continue;
      // One with a number may have been somebody's before, whom a leader called so.
      const isFirst = first.get(name) === node && !/-\d$/.test(name);
      assert(record.name === name || (!isFirst && record.formerName === name), `${text()}: ${name}`);
    }
  }
}

Deno.test("Leaders hold every address of the block and give every name, each once, after whatever has happened to them", () => {
  const seeds = ONE === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(ONE)];
  let haveHeld = 0;
  for (const seed of seeds) {
    const chaos = new Chaos(seed);
    const acts: string[] = [];
    for (let i = 0; i < STEPS; i++) {
      acts.push(chaos.step());
      if (i % 7 !== 6) continue;
      chaos.heal();
      const leaders = chaos.leadersOf(0);
      // They may have removed each other.
      if (leaders.length === 0) break;
      const held = leaders.flatMap(({ state }) => state.leadership.slices);
      const text = () =>
        `seed ${seed}: ${acts.join(", ")}: ${
          leaders.map(({ state }) => `${state.record.name} ${state.leadership.slices.join(" ")}`).join("; ")
        }`;
      assert.equal(held.reduce((sum, { size }) => sum + size, 0n), HOSTS, text());
      const firsts = held.flatMap(({ first, last }) => {
        const all: bigint[] = [];
        for (let at = first.toBigInt(); at <= last.toBigInt(); at++) all.push(at);
        return all;
      });
      assert.equal(BigInt(new Set(firsts).size), HOSTS, text());
      checkNames(chaos, text);
      for (const node of chaos.takenBack) {
        assert(
          !chaos.isMember(node) || node.state.role === "member",
          `${text()}: ${node.state.record.name} leads`,
        );
      }
      haveHeld++;
    }
  }
  assert.ok(haveHeld >= seeds.length, `${haveHeld} of ${seeds.length} still have a leader`);
});
