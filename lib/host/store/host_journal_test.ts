import assert from "node:assert/strict";
import { MemoryStateStore, StateError } from "../../base/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { HostError } from "../host_error.ts";
import { type HostChange, HostJournal } from "./host_journal.ts";
import type { HostNetwork } from "../netlink/mod.ts";

const cidr = Cidr.parse("10.200.0.0/16");
assert(cidr !== undefined);
const weft0: HostChange = { kind: "interface", name: "weft0" };
const ownRoute: HostChange = { kind: "route", cidr, interfaceName: "weft0" };
const foreignRoute: HostChange = { kind: "route", cidr, interfaceName: "eth0" };

/** Notes what it is asked to undo. */
function fakeNetwork(options: { readonly running?: string; readonly refuses?: string } = {}): {
  readonly network: HostNetwork;
  readonly calls: string[];
} {
  const calls: string[] = [];
  const call = (what: string) => {
    if (options.refuses === what) throw new HostError(`Cannot ${what}`);
    calls.push(what);
  };
  const network: HostNetwork = {
    linkExists: () => true,
    isLinkRunning: (name) => name === options.running,
    setLinkUp: (name) => call(`up ${name}`),
    deleteLink: (name) => call(`delete ${name}`),
    addAddress: (name, address) => call(`address ${address} ${name}`),
    addRoute: (cidr, name) => call(`add ${cidr} ${name}`),
    removeRoute: (cidr, name) => call(`remove ${cidr} ${name}`),
    listRoutes: () => [],
    isForwarding: () => false,
    setExit: () => {},
    clearExit: () => call("exit"),
    setForwarding: (name, family, isOn) => call(`forwarding ${family} ${name} ${isOn}`),
  };
  return { network, calls };
}

Deno.test("HostJournal keeps what is recorded until it is forgotten", () => {
  const store = new MemoryStateStore();
  const journal = new HostJournal(store);
  journal.record(ownRoute);
  journal.record(weft0);
  journal.record(weft0);
  assert.deepEqual(new HostJournal(store).changes(), [weft0, ownRoute]);
  journal.forget(weft0);
  journal.forget(weft0);
  assert.deepEqual(journal.changes(), [ownRoute]);
});

Deno.test("HostJournal.undoAll() undoes each change once", () => {
  const journal = new HostJournal(new MemoryStateStore());
  for (const change of [weft0, ownRoute, foreignRoute]) journal.record(change);
  const { network, calls } = fakeNetwork();
  assert.deepEqual(journal.undoAll(network), [weft0, foreignRoute, ownRoute]);
  assert.deepEqual(calls, ["delete weft0", "remove 10.200.0.0/16 eth0"]);
  assert.deepEqual(journal.undoAll(network), []);
  assert.equal(calls.length, 2);
});

Deno.test("HostJournal.undoAll() leaves an interface alone that somebody serves", () => {
  const journal = new HostJournal(new MemoryStateStore());
  for (const change of [weft0, ownRoute]) journal.record(change);
  const { network, calls } = fakeNetwork({ running: "weft0" });
  journal.undoAll(network);
  assert.deepEqual(calls, []);
  assert.deepEqual(journal.changes(), []);
});

Deno.test("HostJournal.undoAll() goes on after a failure and keeps what failed", () => {
  const journal = new HostJournal(new MemoryStateStore());
  for (const change of [weft0, foreignRoute]) journal.record(change);
  const { network, calls } = fakeNetwork({ refuses: "delete weft0" });
  assert.throws(() => journal.undoAll(network), HostError);
  assert.deepEqual(calls, ["remove 10.200.0.0/16 eth0"]);
  assert.deepEqual(journal.changes(), [weft0]);
});

Deno.test("HostJournal.changes() refuses a record that it does not know", () => {
  for (
    const key of [
      "",
      "interface",
      "interface a b",
      "route 10.0.0.0/8",
      "route x eth0",
      "route ::/0 a b",
      "file /x",
    ]
  ) {
    const store = new MemoryStateStore();
    store.put("host-journal", key, new Uint8Array(0));
    assert.throws(() => new HostJournal(store).changes(), StateError, key);
  }
});
