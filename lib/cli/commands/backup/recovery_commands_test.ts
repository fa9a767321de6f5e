import assert from "node:assert/strict";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";

const FILE = "weft-recovery1-abc";

function setUp(passphrase = "correct horse battery\n"): SamplePorts {
  const ports = new SamplePorts();
  ports.files.set("recovery.txt", `${FILE}\n`).set("passphrase", passphrase);
  return ports;
}

Deno.test("weft leader recover without an agent makes the node in the state directory a leader", async () => {
  const ports = setUp();
  const args = [
    "leader",
    "recover",
    "recovery.txt",
    "--passphrase-file",
    "passphrase",
    "--state",
    "/nowhere",
  ];
  assert.equal(await main(args, ports), 0);
  assert.deepEqual(ports.diary, [`recover /nowhere ${FILE} correct horse battery`]);
  assert.match(ports.stdout, /^This machine is lead now, which leads; `weft up` starts it\./);
  assert.match(ports.stdout, /must not run again/);
});

Deno.test("weft leader recover asks for the passphrase once, on standard input", async () => {
  const ports = setUp();
  ports.files.set("-", "typed by hand");
  assert.equal(await main(["leader", "recover", "recovery.txt", "--state", "/nowhere"], ports), 0);
  assert.deepEqual(ports.diary, ["asked Passphrase: ", `recover /nowhere ${FILE} typed by hand`]);
});

const refused: readonly [what: string, args: readonly string[], stderr: RegExp][] = [
  ["no file", ["leader", "recover"], /./],
  [
    "a file that is not there",
    ["leader", "recover", "gone.txt"],
    /Cannot read the recovery file from gone\.txt/,
  ],
  ["an empty passphrase", ["leader", "recover", "recovery.txt"], /without a passphrase/],
  [
    "a passphrase file that is not there",
    ["leader", "recover", "recovery.txt", "--passphrase-file", "gone"],
    /Cannot read the passphrase from gone/,
  ],
  [
    "a passphrase that others can read",
    ["leader", "recover", "recovery.txt", "--passphrase-file", "passphrase"],
    /others than its owner can read/,
  ],
];
for (const [what, args, stderr] of refused) {
  Deno.test(`weft leader recover refuses ${what}`, async () => {
    const ports = setUp();
    ports.access.set("passphrase", "read");
    assert.equal(await main([...args, "--state", "/nowhere"], ports), 2);
    assert.match(ports.stderr, stderr);
    assert.match(ports.stderr, /^weft: .*\nhint: /);
    assert.ok(!ports.diary.some((line) => line.startsWith("recover")), ports.diary.join());
  });
}

Deno.test("weft leader export asks nobody for a passphrase when no agent runs, and leaves no file", async () => {
  const ports = setUp();
  assert.equal(await main(["leader", "export", "new.txt", "--state", "/nowhere"], ports), 1);
  assert.equal(ports.files.has("new.txt"), false);
  assert.deepEqual(ports.diary, []);
});
