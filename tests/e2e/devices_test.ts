import assert from "node:assert/strict";
import { OverlayBootstrap } from "../../mod.ts";
import { createScratch, freePort } from "../lab/mod.ts";

const keys = ["K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=", "L7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk="];

Deno.test("a leader without an interface lets devices in that have others for peers, and is no hub", async () => {
  await using scratch = await createScratch("devices");
  const port = freePort();
  const lead = await OverlayBootstrap.initLeader({
    name: "lead",
    stateDir: `${scratch.path}/lead`,
    rootless: true,
    discovery: false,
    port,
    endpoints: `127.0.0.1:${port}`,
  });
  await using resources = new AsyncDisposableStack();
  resources.defer(() => lead.stop());
  await lead.start();
  const { control } = lead;
  const [publicKey = "", other = ""] = keys;
  const fails = (request: object, message: RegExp, hint: RegExp) =>
    assert.throws(() => control.addDevice({ name: "phone", publicKey, ...request }), (error) => {
      assert(error instanceof Error && "hint" in error);
      assert.match(error.message, message);
      assert.match(String(error.hint), hint);
      return true;
    });
  fails({}, /^Cannot make lead a hub: it has no interface$/, /--hub NODE .* --direct/);
  fails({ hub: "lead" }, /^Cannot make lead a hub/, /--hub/);
  fails({ hub: "lead", isDirect: true }, /both/, /--direct/);
  fails(
    { isDirect: true, name: "lead" },
    /^Cannot add lead: the name is taken: it is /,
    /peer rename lead NEW/,
  );
  fails(
    { isDirect: true, allowedIps: ["0.0.0.0/0"] },
    /every network there is$/,
    /--allowed-ip 192\.168\.7\.0\/24/,
  );
  const added = control.addDevice({
    name: "phone",
    publicKey,
    isDirect: true,
    allowedIps: ["192.168.7.0/24"],
  });
  assert.deepEqual([added.name, added.hub, added.peers], ["phone", undefined, []]);
  // Said again without a way, it keeps the one that it has.
  assert.equal(control.addDevice({ name: "phone", publicKey }).hub, undefined);
  assert.throws(
    () => control.addDevice({ name: "phone", publicKey: other, isDirect: true }),
    /name is taken/,
  );
  assert.throws(() => control.changeHub("phone", "lead"), /Cannot make lead a hub/);
  assert.throws(() => control.changeHub("lead", "phone"), /Cannot give lead a hub: it runs weft/);
  assert.equal(control.peers().length, 1);
});
