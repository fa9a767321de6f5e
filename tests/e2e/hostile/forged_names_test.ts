/**
 * A member that names its services, versions and events so that lists on other machines would show what is not there.
 * @module
 */

import assert from "node:assert/strict";
import { OverlayBootstrap } from "../../../lib/agent/mod.ts";
import { isPrintable } from "../../../lib/base/mod.ts";
import type { AdvertisedService, ServiceAdvert } from "../../../lib/service/mod.ts";
import {
  createScratch,
  freePort,
  labTest,
  loopbackArgs,
  thisMachine,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";

const EVIL = "1.0\nroot  running  lead\u202e\x1b[2J";
const SERVICE: AdvertisedService = {
  path: "honest",
  version: "1.0.0",
  description: "",
  state: "running",
  actions: [{ name: "add", idempotent: false }],
  events: [],
  elects: false,
  port: 0,
  protocol: "tcp",
};
const FORGED: readonly Partial<AdvertisedService>[] = [
  { path: "../../etc/passwd" },
  { path: "row\nroot  running  lead" },
  { path: "$registry" },
  { path: "act", actions: [{ name: EVIL, idempotent: false }] },
  { path: "event", events: [EVIL] },
  { path: "proto", protocol: EVIL },
  { path: "version", version: EVIL },
  { path: "text", description: EVIL },
];

labTest("a member's names for its services forge nothing in what other nodes show", [], async () => {
  await using stack = new AsyncDisposableStack();
  const { path: scratch } = stack.use(await createScratch("forged-names"));
  const lead = stack.use(
    new WeftNode(thisMachine, {
      name: "lead",
      stateDir: `${scratch}/lead`,
      args: loopbackArgs(),
    }),
  );
  await lead.startLeader();
  // It may offer what it likes, so that nothing but the names stands in its way.
  const created = await lead.expectCommand("token", "create", "--offer", ">", "--json");
  const { token }: { readonly token: string } = JSON.parse(created);
  const evil = await OverlayBootstrap.join(token, {
    ...{ stateDir: `${scratch}/evil`, name: "evil", port: freePort(), rootless: true, discovery: false },
    ...{ dns: "off", statusPort: "off" } as const,
  });
  stack.defer(() => evil.stop());
  const advert: ServiceAdvert = {
    run: 1,
    services: [SERVICE, ...FORGED.map((service) => ({ ...SERVICE, ...service }))],
    subscriptions: [{ pattern: EVIL, group: "" }],
    retains: false,
  };
  // What it publishes is signed and gossiped as every advert is; only its words are not what the library would take.
  evil.services.runtime.advert = () => advert;
  await evil.start();

  const listed = async (): Promise<readonly { readonly path: string; readonly description: string }[]> =>
    JSON.parse(await lead.expectCommand("service", "list", "--json"));
  await waitFor(async () => (await listed()).some(({ path }) => path === "honest"), 10_000, {
    what: "it is heard",
  });
  const services = await listed();
  assert.deepEqual(services.map(({ path }) => path), ["honest", "text", "version"]);
  for (
    const args of [["list"], ["list", "--json"], ["show", "text"], ["show", "version"], ["show", "honest"]]
  ) {
    const text = await lead.expectCommand("service", ...args);
    for (const line of text.split("\n")) assert.ok(isPrintable(line), JSON.stringify(line));
    assert.doesNotMatch(text, /^root/m);
  }
  const { services: { rejected } } = await lead.status();
  assert.equal(rejected, FORGED.length + 1);
});
