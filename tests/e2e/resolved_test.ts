/**
 * A host whose resolver is systemd-resolved.
 * @module
 */

import assert from "node:assert/strict";
import { expectRun, Lab, labTest, PACKET_PLANE, RESOLVED, run, startResolved, WeftNode } from "../lab/mod.ts";

labTest("weft up --dns-resolver: systemd-resolved asks weft for the zone, and forgets it when weft is gone", [
  ...PACKET_PLANE,
  ...RESOLVED,
], async () => {
  await using lab = await Lab.create(["A"]);
  const { namespace, folder } = lab.host("A");
  const { place } = lab.use(await startResolved(namespace));
  const before = await Deno.readTextFile(namespace.resolverConfPath);
  const domains = (): Promise<string> => expectRun(place.command(["resolvectl", "domain"]));
  assert.doesNotMatch(await domains(), /weft/);

  const node = lab.use(new WeftNode(place, { name: "a", stateDir: `${folder}/state` }));
  await node.startLeader();
  const { dns, node: { addresses } } = await node.status();
  assert.equal(dns?.resolver, "resolved", dns?.problem);
  // Its stub needs no port 53 of ours, and no file is touched.
  assert(dns.endpoints.every((endpoint) => endpoint.endsWith(":15353")));
  assert.equal(await Deno.readTextFile(namespace.resolverConfPath), before);
  assert.match(await domains(), /weft0\): weft\.internal ~200\.10\.in-addr\.arpa/);
  const query = (...args: readonly string[]): Promise<string> =>
    expectRun(place.command(["resolvectl", "query", ...args]));
  assert.match(
    await query("a.weft.internal"),
    new RegExp(`^(a\\.weft\\.internal:)? +${addresses[0]}\\b`, "m"),
  );
  assert.match(await query(addresses[0] ?? ""), /: a\.weft\.internal\b/);
  const found = await expectRun(place.command(["getent", "ahostsv4", "leader.weft.internal"]));
  assert.match(found, new RegExp(`^${addresses[0]} `));

  await node.kill();
  assert.doesNotMatch(await domains(), /weft/);
  await node.start("up");
  assert.match(await domains(), /weft0\): weft\.internal /);
  await node.stop();
  assert.doesNotMatch(await domains(), /weft/);
  assert.notEqual((await run(place.command(["resolvectl", "query", "a.weft.internal"]))).code, 0);
  assert.equal(await Deno.readTextFile(namespace.resolverConfPath), before);
});

labTest("two networks beside systemd-resolved: each one's names are asked of its own node, whichever stops", [
  ...PACKET_PLANE,
  ...RESOLVED,
], async () => {
  await using lab = await Lab.create(["A"]);
  const { namespace, folder } = lab.host("A");
  const { place } = lab.use(await startResolved(namespace));
  const before = await Deno.readTextFile(namespace.resolverConfPath);
  const domains = (): Promise<string> => expectRun(place.command(["resolvectl", "domain"]));
  const query = async (name: string): Promise<string | undefined> => {
    const { code, stdout } = await run(place.command(["resolvectl", "query", "--cache=no", name]));
    return code === 0 ? stdout : undefined;
  };
  const node = (name: string, args: readonly string[]): WeftNode =>
    lab.use(new WeftNode(place, { name, stateDir: `${folder}/${name}`, args }));
  const home = node("home", []);
  const work = node("work", [
    ...["--interface", "weft1", "--port", "51821", "--cidr", "10.77.0.0/16", "--dns-zone", "work.internal"],
    ...["--status-port", "off"],
  ]);
  await home.startLeader();
  await work.startLeader();
  const [{ node: { addresses: [homeIp = ""] } }, { dns, node: { addresses: [workIp = ""] } }] = [
    await home.status(),
    await work.status(),
  ];
  assert.equal(dns?.resolver, "resolved", dns?.problem);
  assert.match(await domains(), /weft0\): weft\.internal ~200\.10\.in-addr\.arpa/);
  assert.match(await domains(), /weft1\): work\.internal ~77\.10\.in-addr\.arpa/);
  const answers = async (): Promise<(boolean | undefined)[]> => [
    (await query("home.weft.internal"))?.includes(homeIp),
    (await query("leader.work.internal"))?.includes(workIp),
    (await query(homeIp))?.includes("home.weft.internal"),
    (await query(workIp))?.includes("work.work.internal"),
  ];
  assert.deepEqual(await answers(), [true, true, true, true]);
  // Neither has names of the other.
  assert.equal(await query("home.work.internal"), undefined);

  await home.kill();
  assert.deepEqual(await answers(), [undefined, true, undefined, true]);
  await home.start("up");
  assert.deepEqual(await answers(), [true, true, true, true]);
  await work.stop();
  assert.deepEqual(await answers(), [true, undefined, true, undefined]);
  assert.doesNotMatch(await domains(), /weft1/);
  await home.stop();
  assert.doesNotMatch(await domains(), /weft/);
  assert.equal(await Deno.readTextFile(namespace.resolverConfPath), before);
});
