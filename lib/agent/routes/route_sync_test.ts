import assert from "node:assert/strict";
import { silentLogger, VirtualClock } from "../../base/mod.ts";
import type { HostRoute, HostRouting } from "../../host/mod.ts";
import type { MemberRecord, NodeId } from "../../mesh/mod.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";
import { BACK_FOR_MS, type KnownRoute, RouteSync, type RouteSyncParts } from "./mod.ts";

const [SELF, B, C] = ["a", "b", "c"].map((letter) => letter.repeat(32) as NodeId) as [NodeId, NodeId, NodeId];
const LAN = "192.168.50.0/24";

Deno.test("RouteSync leads a network into the mesh and to whoever answers, and takes it back", () => {
  const host = new FakeHost();
  host.approve(LAN, B);
  host.approve(LAN, C);
  host.follow();
  assert.deepEqual([host.routes, host.carried], [[LAN], { [B]: [LAN] }]);
  host.away.add(B);
  host.follow();
  assert.deepEqual([host.routes, host.carried], [[LAN], { [C]: [LAN] }]);
  host.approved = [];
  host.follow();
  assert.deepEqual([host.routes, host.carried], [[], {}]);
});

Deno.test("RouteSync leaves a network alone that the host has itself, and leads there again once it has not", () => {
  const host = new FakeHost();
  host.approve(LAN, B);
  host.own.push(route("192.168.0.0/16", "eth0"));
  host.follow();
  assert.deepEqual([host.routes, host.carried], [[], {}]);
  assert.match(host.sync.local(cidr(LAN))?.problem ?? "", /leads 192\.168\.0\.0\/16 to eth0 already/);
  host.own.length = 0;
  host.follow();
  assert.deepEqual(host.routes, [LAN]);
});

Deno.test("RouteSync does not lead what carries the mesh into it", () => {
  const host = new FakeHost();
  host.approve("198.51.100.0/24", B);
  host.outside.push("198.51.100.7");
  host.follow();
  assert.deepEqual(host.routes, []);
  assert.match(
    host.sync.local(cidr("198.51.100.0/24"))?.problem ?? "",
    /what carries the mesh goes to 198\.51\.100\.7/,
  );
});

Deno.test("RouteSync forwards for members where this node leads there, and has no route to it", () => {
  const host = new FakeHost();
  host.approve(LAN, SELF);
  host.approve(LAN, B);
  host.follow();
  assert.deepEqual([host.routes, host.led], [[], [`${LAN} true`]]);
  host.approved = [];
  host.follow();
  assert.deepEqual(host.led, []);
});

Deno.test("RouteSync leads to what is behind a device through its hub, whoever else says that it leads there", () => {
  const host = new FakeHost();
  host.records.push({ nodeId: C, hub: B, allowedIps: [cidr(LAN)] } as unknown as MemberRecord);
  host.approve(LAN, C);
  host.follow();
  assert.deepEqual(
    [host.routes, host.carried],
    [[LAN], {}],
    "whose peer it is, PeerSync knows from the record",
  );
  assert.equal(host.sync.local(cidr(LAN))?.carrier, B);
});

Deno.test("RouteSync sends an exit everything, without a route in the main table", () => {
  const host = new FakeHost();
  host.approve("0.0.0.0/0", B);
  host.exit = { nodeId: B, prefixes: [cidr("0.0.0.0/0")] };
  host.follow();
  assert.deepEqual([host.routes, host.carried], [[], { [B]: ["0.0.0.0/0"] }]);
  host.exit = undefined;
  host.follow();
  assert.deepEqual(host.carried, {});
});

Deno.test("RouteSync has the next one carry while a router says that it has no way there itself", () => {
  const host = new FakeHost();
  host.approve(LAN, B);
  host.approve(LAN, C);
  host.follow();
  host.setDown(LAN, B, true);
  host.follow();
  assert.deepEqual([host.routes, host.carried], [[LAN], { [C]: [LAN] }]);
  host.setDown(LAN, C, true);
  host.setDown(LAN, B, false);
  host.follow();
  assert.deepEqual(host.carried, { [B]: [LAN] });
});

Deno.test("RouteSync says at once that this host has lost a network, and a while later that it is back", () => {
  const host = new FakeHost();
  host.approve(LAN, SELF);
  host.follow();
  assert.deepEqual(host.said, []);
  host.homeless.push(cidr(LAN));
  host.follow();
  assert.deepEqual(host.said, [`${LAN} true`]);
  host.setDown(LAN, SELF, true);
  host.homeless.length = 0;
  host.follow();
  host.homeless.push(cidr(LAN));
  host.clock.advance(BACK_FOR_MS - 1);
  host.follow();
  host.homeless.length = 0;
  host.follow();
  host.clock.advance(BACK_FOR_MS - 1);
  host.follow();
  assert(!host.said.join().includes("false"), "it has not been there for long enough");
  host.clock.advance(1);
  host.follow();
  assert.equal(host.said.at(-1), `${LAN} false`);
});

/** What a sync is told, and what it does. */
class FakeHost {
  approved: (KnownRoute & { readonly owner: MemberRecord })[] = [];
  exit: { readonly nodeId: NodeId; readonly prefixes: readonly Cidr[] } | undefined;
  carried: Record<string, readonly string[]> = {};
  led: readonly string[] = [];
  readonly clock = new VirtualClock();
  readonly homeless: Cidr[] = [];
  /** What this host has said of networks. */
  readonly said: string[] = [];
  readonly own: HostRoute[] = [];
  readonly outside: string[] = [];
  readonly records: MemberRecord[] = [];
  readonly away = new Set<NodeId>();
  readonly #installed = new Set<string>();
  readonly sync = new RouteSync({
    book: this.#book(),
    acts: { setDown: (prefix, isDown) => void this.said.push(`${prefix} ${isDown}`) },
    clock: this.clock,
    log: silentLogger,
    ownId: () => SELF,
    records: () => this.records,
    health: (nodeId) => ({ healthy: !this.away.has(nodeId), score: 100 }),
    peerAddresses: () => this.outside.map((text) => IpAddress.parse(text) ?? assert.fail()),
    peers: {
      setCarried: (carried) => {
        this.carried = Object.fromEntries([...carried].map(([id, prefixes]) => [id, prefixes.map(String)]));
      },
    },
    exit: () => this.exit,
    interfaceName: "weft0",
    network: {
      listRoutes: () => [...this.own, ...[...this.#installed].map((text) => route(text, "weft0"))],
      addRoute: (prefix) => void this.#installed.add(`${prefix}`),
      removeRoute: (prefix) => void this.#installed.delete(`${prefix}`),
    },
    host: {
      lead: (routings: readonly HostRouting[]) => {
        this.led = routings.map(({ prefix, masquerade }) => `${prefix} ${masquerade}`);
      },
      homeless: this.homeless,
      lacks: [],
    },
  });

  #book(): RouteSyncParts["book"] {
    const approved = () => this.approved;
    return {
      get approved() {
        return approved();
      },
    };
  }

  get routes(): readonly string[] {
    return [...this.#installed];
  }

  approve(text: string, nodeId: NodeId): void {
    const owner = { nodeId } as MemberRecord;
    const prefix = cidr(text);
    this.approved.push({
      prefix,
      owner,
      signedId: nodeId,
      masquerade: true,
      state: "approved",
      isDown: false,
      offerVersion: 0,
    });
  }

  /** A member says so of a network. */
  setDown(text: string, nodeId: NodeId, isDown: boolean): void {
    this.approved = this.approved.map((known) =>
      `${known.prefix}` === text && known.owner.nodeId === nodeId ? { ...known, isDown } : known
    );
  }

  follow(): void {
    this.sync.follow();
  }
}

function route(text: string, interfaceName: string): HostRoute {
  return { cidr: cidr(text), interfaceName, table: 254 };
}

function cidr(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(text);
}
