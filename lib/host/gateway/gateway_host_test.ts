import assert from "node:assert/strict";
import { MemoryStateStore } from "../../base/mod.ts";
import { Cidr, type IpFamily } from "../../net/mod.ts";
import { HostError } from "../host_error.ts";
import { type HostNetwork, NftProgram, type PacketFilter } from "../netlink/mod.ts";
import { HostJournal } from "../store/mod.ts";
import { GatewayHost, gatewayTable, type HostGateway } from "./mod.ts";

Deno.test("GatewayHost writes down each change before it makes it, and takes all of it back", () => {
  const host = new FakeHost();
  using gateway = host.gateway();
  gateway.follow([BLUE]);
  assert.deepEqual(host.calls, [
    "apply, journal: filter-table",
    "4 blue-gw true, journal: filter-table forwarding",
    "4 weft0 true, journal: filter-table forwarding forwarding",
    "4 eth0 true, journal: filter-table forwarding forwarding forwarding",
  ]);
  assert.match(host.rules, /meta nfproto ipv4 iifname \{ "weft0", "eth0" \} counter drop/);
  gateway.close();
  assert.deepEqual([...host.forwarding], []);
  assert.equal(host.rules, "");
  assert.deepEqual(host.journal.changes(), []);
});

Deno.test("GatewayHost leaves forwarding alone that was on before", () => {
  const host = new FakeHost();
  host.forwarding.add("4 eth0");
  using gateway = host.gateway();
  gateway.follow([BLUE]);
  assert.match(host.rules, /nfproto ipv4 iifname \{ "weft0" \} counter drop/);
  gateway.close();
  assert.deepEqual([...host.forwarding], ["4 eth0"]);
});

Deno.test("GatewayHost follows a host whose default route goes elsewhere", () => {
  const host = new FakeHost();
  using gateway = host.gateway();
  gateway.follow([BLUE]);
  host.way = "wlan0";
  gateway.follow([BLUE]);
  assert.deepEqual([...host.forwarding].sort(), ["4 blue-gw", "4 weft0", "4 wlan0"]);
  assert.match(host.rules, /masquerade/);
  assert.doesNotMatch(host.rules, /eth0/);
  const { length } = host.calls;
  gateway.follow([BLUE]);
  assert(!host.calls.slice(length).includes("apply"), "the same rules are not applied again");
});

Deno.test("GatewayHost keeps nothing from anybody once somebody forwards for all interfaces", () => {
  const host = new FakeHost();
  using gateway = host.gateway();
  gateway.follow([BLUE]);
  host.forwarding.add("4 all");
  gateway.follow([BLUE]);
  assert.doesNotMatch(host.rules, /forwarded nothing before/);
});

Deno.test("GatewayHost leads members to where a network is, beside overlay networks, and takes both back apart", () => {
  const host = new FakeHost();
  using gateway = host.gateway();
  gateway.lead([{ prefix: cidr("172.17.3.0/24"), masquerade: true }]);
  assert.deepEqual([...host.forwarding].sort(), ["4 docker0", "4 weft0"]);
  assert.match(host.rules, /iifname "weft0" ip daddr 172\.17\.3\.0\/24 oifname \{ "docker0" \} accept/);
  gateway.follow([BLUE]);
  assert.deepEqual([...host.forwarding].sort(), ["4 blue-gw", "4 docker0", "4 eth0", "4 weft0"]);
  gateway.lead([]);
  assert.deepEqual([...host.forwarding].sort(), ["4 blue-gw", "4 eth0", "4 weft0"]);
  assert.doesNotMatch(host.rules, /172\.17/);
  gateway.follow([]);
  assert.deepEqual([[...host.forwarding], host.rules, host.journal.changes()], [[], "", []]);
});

Deno.test("GatewayHost says to which networks this host has no way itself", () => {
  const host = new FakeHost();
  using gateway = host.gateway();
  gateway.lead([{ prefix: cidr("fd00:5::/64"), masquerade: true }, {
    prefix: cidr("10.9.0.0/16"),
    masquerade: false,
  }]);
  assert.deepEqual(gateway.homeless.map(String), ["fd00:5::/64"]);
  assert.match(host.rules, /ip daddr 10\.9\.0\.0\/16 oifname \{ "eth0" \} accept/);
});

Deno.test("GatewayHost has lost a network whose own route is gone or down, although everything goes somewhere", () => {
  for (const loss of ["gone", "down"] as const) {
    const host = new FakeHost();
    using gateway = host.gateway();
    const lead = () => gateway.lead([{ prefix: cidr("172.17.3.0/24"), masquerade: true }]);
    lead();
    assert.deepEqual(gateway.homeless, []);
    host.docker = loss;
    lead();
    lead();
    assert.deepEqual(gateway.homeless.map(String), ["172.17.3.0/24"], loss);
    assert.doesNotMatch(host.rules, /172\.17\.3/);
    host.docker = "up";
    lead();
    assert.deepEqual(gateway.homeless, []);
    assert.match(host.rules, /172\.17\.3\.0\/24 oifname \{ "docker0" \} accept/);
  }
});

Deno.test("GatewayHost says which family it cannot forward", () => {
  const host = new FakeHost();
  host.hasNoSix = true;
  using gateway = host.gateway();
  gateway.follow([{ ...BLUE, blocks: [...BLUE.blocks, cidr("fd00:1::/64")] }]);
  assert.deepEqual(gateway.lacks, [6]);
  assert(host.forwarding.has("4 blue-gw"));
});

Deno.test("GatewayHost changes nothing when the rules are refused", () => {
  const host = new FakeHost();
  host.refuses = true;
  using gateway = host.gateway();
  assert.throws(() => gateway.follow([BLUE]), HostError);
  assert.deepEqual([...host.forwarding], []);
  assert.deepEqual(host.journal.changes(), []);
});

Deno.test("HostJournal.undoAll() takes back what a killed gateway has left", () => {
  const host = new FakeHost();
  using gateway = host.gateway();
  gateway.follow([BLUE]);
  const changes = host.journal.undoAll(host, { filter: host });
  assert.deepEqual(changes.map(({ kind }) => kind), [
    "filter-table",
    "forwarding",
    "forwarding",
    "forwarding",
  ]);
  assert.deepEqual([[...host.forwarding], host.rules, host.journal.changes()], [[], "", []]);
});

Deno.test("NftProgram says what to install where there is no nft", () => {
  assert.throws(() => new NftProgram("no-such-nft").apply("list tables"), (error) => {
    assert(error instanceof HostError);
    assert.match(error.message, /the program nft is not there/);
    assert.match(error.hint ?? "", /apt-get install nftables/);
    return true;
  });
});

Deno.test("gatewayTable() gives each interface a table of its own", () => {
  const names = ["weft0", "weft.0", "weft-0", "weft_0", "weft_2e_0"].map(gatewayTable);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z0-9_]+$/);
});

const BLUE: HostGateway = { network: "blue", device: "blue-gw", blocks: [cidr("10.0.0.0/24")] };

function cidr(text: string): Cidr {
  const parsed = Cidr.parse(text);
  assert(parsed !== undefined);
  return parsed;
}

/** A host in memory. */
class FakeHost implements HostNetwork, PacketFilter {
  readonly journal = new HostJournal(new MemoryStateStore());
  readonly forwarding = new Set<string>();
  readonly calls: string[] = [];
  rules = "";
  way = "eth0";
  docker: "up" | "down" | "gone" = "up";
  refuses = false;
  hasNoSix = false;

  gateway(): GatewayHost {
    return new GatewayHost({ meshInterface: "weft0", network: this, journal: this.journal, filter: this });
  }

  apply(commands: string): void {
    if (this.refuses) throw new HostError("Cannot do that");
    this.#note("apply");
    this.rules = commands;
  }

  removeTable(): void {
    this.rules = "";
  }

  isForwarding(name: string, family: IpFamily): boolean | undefined {
    return family === 6 && this.hasNoSix ? undefined : this.forwarding.has(`${family} ${name}`);
  }

  setExit(): void {}

  clearExit(): void {}

  setForwarding(name: string, family: IpFamily, isOn: boolean): void {
    this.#note(`${family} ${name} ${isOn}`);
    if (isOn) this.forwarding.add(`${family} ${name}`);
    else this.forwarding.delete(`${family} ${name}`);
  }

  listRoutes(): ReturnType<HostNetwork["listRoutes"]> {
    return [
      { cidr: cidr("0.0.0.0/0"), interfaceName: this.way, table: 254 },
      { cidr: cidr("0.0.0.0/0"), interfaceName: "tun9", table: 51820 },
      ...this.docker === "gone" ? [] : [{
        cidr: cidr("172.17.0.0/16"),
        interfaceName: "docker0",
        table: 254,
        ...this.docker === "down" && { isDown: true as const },
      }],
      { cidr: cidr("::/0"), interfaceName: "lo", table: 254 },
    ];
  }

  linkExists = () => true;
  isLinkRunning = () => true;
  setLinkUp(): void {}
  deleteLink(): void {}
  addAddress(): void {}
  addRoute(): void {}
  removeRoute(): void {}

  #note(what: string): void {
    const kinds = this.journal.changes().map(({ kind }) => kind).join(" ");
    this.calls.push(`${what}, journal: ${kinds}`);
  }
}
