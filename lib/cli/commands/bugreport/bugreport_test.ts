import assert from "node:assert/strict";
import { type AgentProcess, OverlayBootstrap } from "../../../agent/mod.ts";
import { NotInitializedError } from "../../../mesh/mod.ts";
import { serveControl } from "../../../http/mod.ts";
import { SqliteStateStore } from "../../../host/mod.ts";
import { freeTcpPort } from "../../../transport/mod.ts";
import { controlSocketPath } from "../../control_client.ts";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";
import { Anonymizer, withoutSecrets } from "./anonymizer.ts";
import { gather } from "./gather.ts";
import { tarGz } from "./tar_archive.ts";

/** @returns what the system's tar makes of an archive, by name */
async function unpacked(path: string): Promise<ReadonlyMap<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "weft-tar-" });
  const { code, stderr } = await new Deno.Command("tar", { args: ["-xzf", path, "-C", folder] }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const texts = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const names = isDirectory
      ? [...Deno.readDirSync(`${folder}/${name}`)].map((one) => `${name}/${one.name}`)
      : [name];
    for (const each of names) texts.set(each, await Deno.readTextFile(`${folder}/${each}`));
  }
  await Deno.remove(folder, { recursive: true });
  return texts;
}

/** @returns how a secret of the state might stand in a text */
function spellings(secret: Uint8Array): readonly string[] {
  return [secret.toBase64(), secret.toBase64({ alphabet: "base64url", omitPadding: true }), secret.toHex()];
}

Deno.test("tarGz() is what tar unpacks", async () => {
  const path = await Deno.makeTempFile({ suffix: ".tar.gz" });
  const files = [{ name: "empty.txt", text: "" }, { name: "host/a.txt", text: "ä".repeat(512) }];
  await Deno.writeFile(path, await tarGz(files, 1_760_000_000_000));
  assert.deepEqual(await unpacked(path), new Map(files.map(({ name, text }) => [name, text])));
  await Deno.remove(path);
  await assert.rejects(tarGz([{ name: "a".repeat(101), text: "" }], 0), RangeError);
});

Deno.test("weft bugreport writes what is known, and no secret of the run", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-bugreport-" });
  const stateDir = `${folder}/state`;
  const port = freeTcpPort();
  const lines: string[] = [];
  const process: AgentProcess = {
    stop: () => ({}),
    logLevels: () => ({ level: "info", categories: {} }),
    changeLogLevel: () => ({ level: "info", categories: {} }),
    logs: () => ({ lines: lines.map((text, at) => ({ number: at + 1, text })) }),
  };
  const node = await OverlayBootstrap.initLeader({
    stateDir,
    port,
    endpoints: `127.0.0.1:${port}`,
    rootless: true,
    discovery: false,
    name: "headquarters",
    labels: { site: "reykjavik" },
    forwardAllow: "role=secretservice",
    testTimers: {},
  }, { process });
  await node.start();
  const socket = await serveControl({ control: node.control, path: controlSocketPath(stateDir) });
  const { token } = await node.control.createToken({ lifetimeMs: 3_600_000 });
  const { token: pageToken } = node.control.statusToken({});
  lines.push(
    `joined by ${token}`,
    `Authorization: Bearer ${pageToken}`,
    "a line of headquarters at 192.0.2.77\n",
  );

  const path = `${folder}/report.tar.gz`;
  const ports = new SamplePorts();
  assert.equal(await main(["bugreport", "--output", path, "--state", stateDir], ports), 0, ports.stderr);
  assert.match(ports.stdout, /^Wrote .*report\.tar\.gz: \d+ files\n/);
  assert.equal(Number((await Deno.stat(path)).mode) & 0o777, 0o600);
  const texts = await unpacked(path);
  for (
    const name of [
      "README.txt",
      "versions.json",
      "status.json",
      "config.json",
      "doctor.json",
      "members.json",
      "log.txt",
      "metrics.txt",
      "host-changes.json",
    ]
  ) assert.ok(texts.has(name), name);
  assert.match(texts.get("status.json") ?? "", /headquarters/);
  assert.match(texts.get("log.txt") ?? "", /joined by weft1-…/);
  assert.match(texts.get("metrics.txt") ?? "", /^weft_/m);
  assert.doesNotMatch(texts.get("config.json") ?? "", /secretservice/);
  assert.match(texts.get("config.json") ?? "", new RegExp(`"port",\\s+"value": "${port}"`));
  assert.equal(
    await main(["bugreport", "--output", path, "--state", stateDir], new SamplePorts()),
    1,
    "it is there",
  );

  const hidden = `${folder}/hidden.tar.gz`;
  const line = ["bugreport", "--anonymize", "--output", hidden, "--state", stateDir];
  assert.equal(await main(line, new SamplePorts()), 0);
  const anonymous = [...(await unpacked(hidden)).values()].join("\n");
  for (
    const word of [
      "headquarters",
      "reykjavik",
      "192.0.2.77",
      node.publicKey().toString(),
      node.nodeIp().toString(),
      Deno.hostname(),
    ]
  ) {
    assert.ok(!anonymous.includes(word), word);
  }
  assert.match(anonymous, /a line of name-\d+ at address4-\d+/);

  await socket.close();
  await node.stop();
  // What the state holds of secrets, and what was handed out.
  using store = SqliteStateStore.open(stateDir);
  const kept = [["identity", "seed"], ["network", "signing-seed"]]
    .flatMap(([collection = "", key = ""]) => store.get(collection, key) ?? assert.fail(key));
  const secrets = [...kept.flatMap(spellings), token, token.slice(-24), pageToken];
  for (const text of [...texts.values(), anonymous]) {
    for (const secret of secrets) assert.ok(!text.includes(secret), "a secret is in the report");
  }
  store.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("weft bugreport works without an agent, and says what it could not get", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-bugreport-" });
  const ports = new SamplePorts();
  ports.storedSettings = () => Promise.reject(new NotInitializedError());
  const path = `${folder}/report.tar.gz`;
  assert.equal(
    await main(["bugreport", "--output", path, "--state", `${folder}/none`], ports),
    0,
    ports.stderr,
  );
  assert.match(ports.stdout, /without an agent, which does not run\n/);
  assert.match(ports.stdout, /Could not get: .*status\.json: .*config\.json: /);
  const texts = await unpacked(path);
  assert.match(texts.get("README.txt") ?? "", /No agent ran\.\n\nWhat could not be had:\n {2}status\.json: /);
  assert.ok(texts.has("doctor.json"));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Anonymizer replaces the same by the same, and leaves what every host has", () => {
  const anonymizer = new Anonymizer(["web-1", "web", "root"]);
  assert.equal(
    anonymizer.text(
      "web-1 10.200.0.5 web-1 at [2001:db8::7]:51820, 2001:db8:0::7, web 127.0.0.1 ::1 root 12:30:45",
    ),
    "name-1 address4-1 name-1 at [address6-1]:51820, address6-1, name-2 127.0.0.1 ::1 root 12:30:45",
  );
  const key = `${"A".repeat(43)}=`;
  assert.equal(
    anonymizer.text(`peer ${key} id ${"ab".repeat(16)} 02:42:AC:11:00:02`),
    "peer key-1 id id-1 mac-1",
  );
});

Deno.test("withoutSecrets() takes tokens out wherever they stand", () => {
  assert.equal(withoutSecrets("weft --join weft1-abcdefghijkl", []), "weft --join weft1-…");
  assert.equal(withoutSecrets("Authorization: Bearer abcdefghijklmnopqrst", []), "Authorization: Bearer …");
  assert.equal(withoutSecrets('{"token": "abcdefghijklmnopqrst"}', []), '{"token": "…"}');
  assert.equal(withoutSecrets("by https://me:pass@proxy:3128/", []), "by https://…@proxy:3128/");
  assert.equal(withoutSecrets("it is hunter2hunter2 here", ["hunter2hunter2"]), "it is … here");
});

Deno.test("gather() cuts a long text after its secrets are gone", async () => {
  const token = `weft1-${"s".repeat(60)}`;
  const gone = () => Promise.reject(new Error("there is none"));
  const { files } = await gather({
    version: "1.0.0",
    stateDir: "/none",
    client: { ask: gone, view: gone },
    storedSettings: () => Promise.resolve([]),
    doctor: () => Promise.resolve(new Map()),
    // A cut within the token would leave the rest of it.
    run: () => Promise.resolve(`${token} ${"x".repeat((2 << 20) - 30)}`),
    isAnonymous: false,
    atMs: 0,
  });
  const log = files.find(({ name }) => name === "log.txt")?.text ?? "";
  assert.match(log.slice(0, 100), /^weft1-… x/);
});
