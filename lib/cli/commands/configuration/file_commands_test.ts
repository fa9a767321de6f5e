import assert from "node:assert/strict";
import { SampleControl } from "../../../agent/testing/sample_control.ts";
import { serveControl } from "../../../http/mod.ts";
import { controlSocketPath } from "../../control_client.ts";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";
import { reloadText } from "./reload_command.ts";

Deno.test("weft config check tells all that is wrong, and where, and ends with 1", async () => {
  const ports = new SamplePorts();
  ports.files.set("/etc/weft.yaml", "port: 70000\nprot: 1\n");
  assert.equal(await main(["config", "check", "/etc/weft.yaml"], ports), 1);
  assert.equal(
    ports.stdout,
    "Cannot use port: 70000 in /etc/weft.yaml:1:7: a port is a number from 1 to 65535\n" +
      "  hint: The default is 51820; it must be open for UDP and TCP.\n" +
      'Cannot read /etc/weft.yaml:2:1: there is no setting "prot"\n' +
      "  hint: Did you mean port?\n",
  );
  const json = Object.assign(new SamplePorts(), { files: ports.files });
  assert.equal(await main(["config", "check", "/etc/weft.yaml", "--json"], json), 1);
  assert.deepEqual(JSON.parse(json.stdout).map((one: { position: unknown }) => one.position), [
    { line: 1, column: 7 },
    { line: 2, column: 1 },
  ]);
});

Deno.test("weft config check reads the files that it names, and the file that is usual", async () => {
  const ports = new SamplePorts();
  ports.files.set("/etc/weft.yaml", "port: 5555\npolicy: policy.yaml\n");
  assert.equal(await main(["config", "check", "/etc/weft.yaml"], ports), 1);
  assert.match(ports.stdout, /^Cannot use policy: policy\.yaml in \/etc\/weft\.yaml:2:9: /);
  ports.files.set("/etc/policy.yaml", "rules:\n  - allow: { from: '*', to: '*' }\n");
  ports.stdout = "";
  assert.equal(await main(["config", "check", "--config", "/etc/weft.yaml"], ports), 0, ports.stdout);
  assert.equal(ports.stdout, "/etc/weft.yaml can be used\n");
  const none = new SamplePorts();
  assert.equal(await main(["config", "check", "--state", "/none"], none), 2);
  assert.match(none.stderr, /no start has named one\nhint: /);
});

Deno.test("weft config init writes a file that config check takes, once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const path = `${folder}/weft.yaml`;
  const ports = new SamplePorts();
  assert.equal(await main(["config", "init", path], ports), 0, ports.stderr);
  assert.equal(await main(["config", "init", path], ports), 2);
  assert.match(ports.stderr, /it is there already\nhint: .*--force/);
  const text = await Deno.readTextFile(path);
  ports.files.set(path, text);
  assert.equal(await main(["config", "check", path], ports), 0, ports.stdout);
  const printed = new SamplePorts();
  assert.equal(await main(["config", "init", "-"], printed), 0);
  assert.equal(printed.stdout, text);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("weft config schema prints the schema", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["config", "schema"], ports), 0);
  assert.equal(JSON.parse(ports.stdout).title, "weft.yaml");
});

Deno.test("weft reload asks the agent, and names what needs a restart", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const control = new SampleControl();
  const socket = await serveControl({ control, path: controlSocketPath(stateDir) });
  const ports = new SamplePorts();
  assert.equal(await main(["reload", "--state", stateDir], ports), 0, ports.stderr);
  assert.equal(ports.stdout, "log-level is debug now\nneeds a restart: port 51820 -> 51821\n");
  assert.deepEqual(control.asked, ["reload"]);
  const failed = {
    changed: [],
    pending: [],
    failed: [{ names: ["status-port"], problem: "the port is taken", hint: "Choose another." }],
  };
  control.reload = () => Promise.resolve(failed);
  assert.equal(await main(["reload", "--state", stateDir], ports), 1);
  await socket.close();
  await Deno.remove(stateDir, { recursive: true });
  assert.equal(reloadText(failed), "status-port stays as it was: the port is taken\nhint: Choose another.\n");
  assert.equal(reloadText({ changed: [], pending: [], failed: [] }), "Nothing has changed\n");
});
