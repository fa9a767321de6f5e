import assert from "node:assert/strict";
import { fileLayer, InvalidConfigError, layerAgentOptions } from "./layers.ts";

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
  ["an unknown name", "prot: 1", /there is no setting "prot"/, /Did you mean port\?/],
  ["a name far from all", "banana: 1", /banana/, /The settings are state, /],
  ["no map", "- a\n- b", /no map/, /name: value/],
  ["text", "hello", /no map/, /name: value/],
  ["broken YAML", "a: [1", /Cannot read f: /, /YAML/],
  ["one name twice", "port: 1\nport: 2", /Cannot read f: .*unique/, /YAML/],
  ["two spellings", "label: a=b\nlabels: a=b", /twice/, /one/],
  ["aliases", "a: &a [x]\nb: *a", /aliases/, /Write/],
  ["its own constructor", "__proto__: 1", /__proto__/, /settings/],
  ["two documents", "port: 1\n---\nport: 2", /Cannot read f: /, /YAML/],
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
