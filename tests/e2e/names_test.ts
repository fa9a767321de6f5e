/**
 * Names on running nodes: they follow the members, and this host's resolver asks for them and is put back.
 * @module
 */

import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  nodeOn,
  PACKET_PLANE,
  serveName,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../lab/mod.ts";

const NAMES = [...PACKET_PLANE, "getent"];

/** @returns the first address that a program on the host is given for a name, or undefined */
async function resolve(host: Host, name: string): Promise<string | undefined> {
  const { stdout } = await host.namespace.run(["getent", "ahostsv4", name]);
  return stdout.split(/\s/)[0] || undefined;
}

const resolverConf = (host: Host): Promise<string> => Deno.readTextFile(host.namespace.resolverConfPath);

labTest(
  "weft up --dns: names of members come and go on every node, and programs of the host find them",
  NAMES,
  async () => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const hosts = ["A", "B", "C"].map((name) => lab.host(name));
    const before = await Promise.all(hosts.map(resolverConf));
    const { nodes } = await startMesh(lab, ["A", "B", "C"]);
    await untilAllKnowAll(nodes);
    for (const { host, weft } of nodes) {
      for (const { weft: { name }, address } of nodes) {
        assert.equal(await resolve(host, `${name}.weft.internal`), address);
        // By the search list.
        assert.equal(await resolve(host, name), address);
        const [, , third = "", fourth = ""] = address.split(".");
        assert.equal(await resolve(host, `node-${third}-${fourth}.weft.internal`), address);
      }
      assert.equal(await resolve(host, "leader.weft.internal"), nodes[0]?.address);
      assert.equal(await resolve(host, "nobody.weft.internal"), undefined);
      const { dns } = await weft.status();
      assert.equal(dns?.resolver, "resolv.conf", dns?.problem);
      assert.equal(dns?.zone, "weft.internal.");
    }
    const [a, b, c] = nodes;
    assert(a && b && c);
    const reverse = await a.host.namespace.expectRun(["getent", "hosts", c.address]);
    assert.match(reverse, /\bc\.weft\.internal\b/);

    await a.weft.expectCommand("peer", "remove", "c");
    for (const { host } of [a, b]) {
      await waitFor(async () => await resolve(host, "c.weft.internal") === undefined, 5_000, {
        what: "c is gone",
      });
      assert.equal(await resolve(host, "b.weft.internal"), b.address);
    }

    await a.weft.expectCommand("dns", "add", "db", "A", "10.200.9.9");
    assert.equal(await resolve(a.host, "db"), "10.200.9.9");
    await waitFor(async () => await resolve(b.host, "db") === "10.200.9.9", 5_000, { what: "b knows db" });
    await b.weft.expectCommand("dns", "add", "cache.b", "CNAME", "b");
    await waitFor(async () => await resolve(a.host, "cache.b.weft.internal") === b.address, 5_000, {
      what: "a knows cache.b",
    });
    const foreign = await a.weft.command("dns", "remove", "cache.b");
    assert.match(foreign.stderr, /this node has added no such record/);
    await b.weft.expectCommand("dns", "remove", "cache.b");
    await waitFor(async () => await resolve(a.host, "cache.b.weft.internal") === undefined, 5_000, {
      what: "cache.b is gone",
    });
    const listed = JSON.parse(await a.weft.expectCommand("dns", "list", "--added", "--json"));
    assert.deepEqual(listed.map(({ name }: { name: string }) => name), ["db.weft.internal."]);
    assert.match(
      await a.weft.expectCommand("dns", "query", "db"),
      /^db\.weft\.internal\. 300 A 10\.200\.9\.9$/m,
    );
    const missing = await a.weft.command("dns", "query", "c");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^weft: Cannot find c: NXDOMAIN\nhint: /);
    const taken = await a.weft.command("dns", "add", "b", "A", "10.200.9.9");
    assert.match(taken.stderr, /taken/);
    await a.weft.stop();
    await a.weft.start("up");
    assert.equal(await resolve(a.host, "db"), "10.200.9.9");
    await a.weft.expectCommand("dns", "remove", "db");
    assert.equal(await resolve(a.host, "db"), undefined);

    for (const { weft } of [a, b]) await weft.stop();
    assert.deepEqual(await Promise.all(hosts.map(resolverConf)), before);
  },
);

labTest(
  "weft up --dns-resolver: the resolver is put back after a crash, by the next start and by cleanup",
  NAMES,
  async () => {
    await using lab = await Lab.create(["A"]);
    const host = lab.host("A");
    const before = await resolverConf(host);
    const node = nodeOn(lab, "A");
    await node.startLeader();
    assert.match(await resolverConf(host), /^# Written by weft/);
    await node.kill();
    assert.match(await resolverConf(host), /^# Written by weft/);
    assert.match(await node.expectCommand("cleanup"), /resolver in \/etc\/resolv\.conf/);
    assert.equal(await resolverConf(host), before);

    await node.start("up");
    await node.kill();
    await Deno.writeTextFile(host.namespace.resolverConfPath, "nameserver 192.0.2.99\n");
    await node.start("up");
    // What somebody else has written in the meantime is where the next start begins.
    assert.match(await resolverConf(host), /^nameserver 192\.0\.2\.99$/m);
    await node.stop();
    assert.equal(await resolverConf(host), "nameserver 192.0.2.99\n");
  },
);

labTest(
  "weft up --dns-resolver: a host that asks weft first still finds the names of others",
  NAMES,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    const record = { zone: "example.com", name: "www", address: "203.0.113.7" };
    lab.use(await serveName(b.namespace, `${b.address4}:53`, record));
    await Deno.writeTextFile(a.namespace.resolverConfPath, `nameserver ${b.address4}\n`);
    const node = nodeOn(lab, "A");
    await node.startLeader("--dns-zone", "overlay.local", "--dns-forward", "corp.test=192.0.2.250");
    assert.equal(await resolve(a, "a.overlay.local"), "10.200.0.1");
    assert.equal(await resolve(a, "www.example.com"), "203.0.113.7");
    assert.match(await node.expectCommand("dns", "query", "www.example.com"), /203\.0\.113\.7/);
    const silent = await node.command("dns", "query", "x.corp.test");
    assert.match(silent.stderr, /SERVFAIL/);
    const { dns } = await node.status();
    assert((dns?.counters.forwarded ?? 0) >= 2 && (dns?.counters["forward-timeout"] ?? 0) >= 1);
    await node.stop();
    assert.equal(await resolve(a, "www.example.com"), "203.0.113.7");
  },
);

labTest("weft up --dns off and --dns-resolver off leave the host alone", NAMES, async () => {
  await using lab = await Lab.create(["A"]);
  const host = lab.host("A");
  const before = await resolverConf(host);
  const node = nodeOn(lab, "A");
  await node.startLeader("--dns-resolver", "off");
  assert.equal(await resolverConf(host), before);
  assert.deepEqual((await node.status()).dns?.resolver, "off");
  await node.stop();
  const { dns } = await node.start("up", "--dns", "off");
  assert.equal(dns, undefined);
  const refused = await node.command("dns", "list");
  assert.match(refused.stderr, /serves no names\nhint: .*--dns on/);
  assert.equal(await resolverConf(host), before);
});
