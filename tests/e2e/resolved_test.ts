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
  assert.match(await query("a.weft.internal"), new RegExp(`a\\.weft\\.internal: ${addresses[0]}\\b`));
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
