import assert from "node:assert/strict";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";

const KEY = `weft-recovery-key1-${"A".repeat(48)}`;
const STATE = ["--state", "/nowhere"];

Deno.test("weft backup --recovery-key seals without asking for anything", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["backup", "a.backup", "--recovery-key", KEY, ...STATE], ports), 0);
  assert.deepEqual(ports.diary, [`backup /nowhere recoveryKey,${KEY}`]);
  assert.match(ports.stdout, /secret of the recovery key on no node/);
  assert.ok(ports.files.has("a.backup"));
});

Deno.test("weft backup takes a passphrase or a recovery key, not both", async () => {
  const ports = new SamplePorts();
  const args = ["backup", "a.backup", "--recovery-key", KEY, "--passphrase-file", "p", ...STATE];
  assert.equal(await main(args, ports), 2);
  assert.deepEqual([ports.diary, ports.files.has("a.backup")], [[], false]);
});

Deno.test("weft backup and recovery-key write no secret to standard output", async () => {
  for (const command of [["backup", "-", "--recovery-key", KEY, ...STATE], ["recovery-key", "-"]]) {
    const ports = new SamplePorts();
    assert.equal(await main(command, ports), 2);
    assert.match(ports.stderr, /standard output\nhint: Name a new file/);
    assert.deepEqual([ports.diary, ports.files.has("-")], [[], false]);
  }
});

Deno.test("weft recovery-key writes the secret and shows the key alone, and overwrites nothing", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["recovery-key", "r.key"], ports), 0);
  assert.match(ports.files.get("r.key") ?? "", /^# .*weft-recovery-key1-abc\nweft-recovery-secret1-xyz\n$/);
  assert.match(ports.stdout, /^weft-recovery-key1-abc\n/);
  assert.doesNotMatch(ports.stdout + ports.stderr, /secret1-/);
  assert.equal(await main(["recovery-key", "r.key"], ports), 1);
});

Deno.test("weft restore asks for what opens the file: the secret of a recovery key, or the passphrase", async () => {
  const ports = new SamplePorts();
  ports.files.set("a.backup", "weft-backup2…").set("b.backup", "weft-backup1…").set(
    "-",
    "correct horse battery",
  );
  ports.files.set("r.key", "# The secret of the recovery key\nweft-recovery-secret1-xyz\n");
  assert.equal(await main(["restore", "a.backup", "--secret-file", "r.key", ...STATE], ports), 0);
  assert.equal(await main(["restore", "b.backup", ...STATE], ports), 0);
  assert.deepEqual(ports.diary, [
    "restore /nowhere by weft-recovery-secret1-xyz",
    "asked Passphrase: ",
    "restore /nowhere by correct horse battery",
  ]);
});
