import assert from "node:assert/strict";
import { checkConfigFile, fileLayer } from "./config_file.ts";
import { InvalidConfigError, layerAgentOptions } from "./layers.ts";

Deno.test("fileLayer() reads every kind of setting", async () => {
  const text = `
# a comment
state: /srv/weft
name: web-1
cidr: 10.9.0.0/16
mtu: 1280
rootless: true
endpoints: [192.0.2.1:51820, "[2001:db8::1]:51820"]
labels: { role: web, rack: 7 }
status-port: off
interface:
`;
  const options = layerAgentOptions([await fileLayer(text, "weft.yaml")]);
  assert.equal(options.stateDir, "/srv/weft");
  assert.equal(options.mtuBytes, 1280);
  assert.equal(options.statusPort, "off");
  assert.equal(options.interfaceName, "weft0");
  assert.deepEqual(options.labels, { role: "web", rack: "7" });
  assert.equal(options.endpoints.length, 2);
});

Deno.test("fileLayer() takes an empty file", async () => {
  for (const text of ["", "# nothing\n", "---\n"]) {
    assert.deepEqual((await fileLayer(text, "f")).values, {});
  }
});

const refused: readonly (readonly [string, string, RegExp, RegExp])[] = [
  [
    "an unknown name",
    "# a\n prot: 1",
    /^Cannot read f:2:2: there is no setting "prot"/,
    /Did you mean port\?/,
  ],
  ["a name far from all", "banana: 1", /banana/, /The settings are state, /],
  ["no map", "- a\n- b", /no map/, /name: value/],
  ["text", "hello", /no map/, /name: value/],
  ["broken YAML", "a: [1", /Cannot read f:1:6: /, /YAML/],
  ["one name twice", "port: 1\nport: 2", /Cannot read f:2:1: .*unique/, /YAML/],
  ["two spellings", "label: a=b\nlabels: a=b", /twice/, /one/],
  ["aliases", "a: &a [x]\nb: *a", /aliases/, /Write/],
  ["its own constructor", "__proto__: 1", /__proto__/, /settings/],
  ["two documents", "port: 1\n---\nport: 2", /Cannot read f:2:1: /, /YAML/],
  ["a flood", "a".repeat((1 << 20) + 1), /larger/, /--config/],
];
for (const [name, text, says, hints] of refused) {
  Deno.test(`fileLayer() refuses ${name}`, async () => {
    await assert.rejects(fileLayer(text, "f"), (error) => {
      assert(error instanceof InvalidConfigError);
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /\n/);
      assert.match(error.hint ?? "", hints);
      return true;
    });
  });
}

const places: readonly (readonly [string, string, number, number])[] = [
  ["a number that is none", "name: a\nport:   zero", 2, 9],
  ["one of a list", "endpoints:\n  - 192.0.2.1:1\n  - nowhere\n", 3, 5],
  ["one of a flow of labels", 'labels: { role: web, rack: "a b" }', 1, 28],
  ["a setting of a network", "networks:\n  blue:\n    cidr: 10.0.0.0/24\n    vni: many\n", 4, 10],
  ["a network that is no map", "networks:\n  blue: 7\n", 2, 9],
  ["offers that are wrong only together", 'offers: ["80", 80=3000]', 1, 9],
];
for (const [name, text, line, column] of places) {
  Deno.test(`checkConfigFile() tells where ${name} stands`, async () => {
    const [first, ...others] = await checkConfigFile(text, "f.yaml");
    assert.deepEqual(first?.position, { line, column }, first?.message);
    assert.match(first?.message ?? "", new RegExp(`f\\.yaml:${line}:${column}: `));
    assert.deepEqual(others, []);
  });
}

Deno.test("checkConfigFile() tells what is of use only with what is not there", async () => {
  const [alone, none] = await checkConfigFile("data-key: /etc/weft/key.pem\n", "weft.yaml");
  assert.equal(alone?.message, "Cannot use data-key: it needs data-cert beside it");
  assert.equal(none, undefined);
  assert.deepEqual(await checkConfigFile("data-key: /k\ndata-cert: /c\n", "weft.yaml"), []);
});

Deno.test("checkConfigFile() tells all that is wrong, in the order of the file", async () => {
  const text = "mtu: 9\nprot: 1\nport: 70000\nname: web-1\nlabel: a=b\nlabels: a=b\n";
  const problems = await checkConfigFile(text, "f");
  assert.deepEqual(problems.map(({ position }) => position?.line), [1, 2, 3, 6]);
  assert.deepEqual(await checkConfigFile("port: 5555\nname:\n", "f"), []);
});
