import assert from "node:assert/strict";
import { SampleControl } from "../../../agent/testing/sample_control.ts";
import { serveControl } from "../../../http/mod.ts";
import { NotInitializedError } from "../../../mesh/mod.ts";
import { controlSocketPath } from "../../control_client.ts";
import { SamplePorts } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";

async function run(line: string, stateDir: string, ports = new SamplePorts()): Promise<SamplePorts> {
  const code = await main([...line.split(" "), "--state", stateDir], ports);
  assert.equal(code, 0, ports.stderr);
  return ports;
}

Deno.test("weft config asks the agent that runs, and says that a change takes effect at the next start", async () => {
  const stateDir = await Deno.makeTempDir({ prefix: "weft-cli-" });
  const control = new SampleControl();
  const socket = await serveControl({ control, path: controlSocketPath(stateDir) });
  const shown = await run("config show", stateDir);
  assert.equal(shown.stdout, "SETTING  FROM     VALUE\nport     default  51820\n");
  const set = await run("config set endpoint 192.0.2.1:1 192.0.2.2:2", stateDir);
  assert.equal(
    set.stdout,
    "endpoint is kept as 192.0.2.1:1, 192.0.2.2:2; `weft reload` or the next start uses it\n",
  );
  const unset = await run("config unset port", stateDir);
  assert.equal(unset.stdout, "port is not kept any more; it takes effect at the next start\n");
  await run("config set config weft.yaml", stateDir);
  assert.deepEqual(control.asked, [
    { name: "endpoint", value: ["192.0.2.1:1", "192.0.2.2:2"] },
    { name: "port" },
    { name: "config", value: [`${Deno.cwd()}/weft.yaml`] },
  ]);
  await socket.close();
  await Deno.remove(stateDir, { recursive: true });
});

Deno.test("weft config reads the state of an agent that does not run", async () => {
  const ports = new SamplePorts();
  ports.settings = [
    { name: "config", value: null, source: "default" },
    { name: "port", value: "5555", source: "kept", next: "5556" },
    {
      name: "offer",
      value: ["80=127.0.0.1:3000", "81=127.0.0.1:81"],
      source: "environment",
      at: "WEFT_OFFER",
    },
    { name: "endpoint", value: [], source: "default" },
  ];
  await run("config show", "/state", ports);
  const rows = ports.stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows, [
    ["SETTING", "FROM", "VALUE"],
    ["config", "default", "-"],
    ["port", "kept", "5555; 5556 at the next start"],
    ["offer", "environment WEFT_OFFER", "80=127.0.0.1:3000, 81=127.0.0.1:81"],
    ["endpoint", "default", "-"],
  ]);
  const json = await run(
    "config show --json",
    "/state",
    Object.assign(new SamplePorts(), { settings: ports.settings }),
  );
  assert.deepEqual(JSON.parse(json.stdout), ports.settings);
  const set = await run("config set port 5555", "/state");
  assert.equal(set.stdout, "port is kept as 5555; the next start uses it\n");
  assert.deepEqual(set.diary, ["/state port 5555"]);
  const unset = await run("config unset port", "/state");
  assert.equal(unset.stdout, "port is not kept any more\n");
});

Deno.test("weft config says where there is no node", async () => {
  const ports = new SamplePorts();
  ports.storedSettings = () => Promise.reject(new NotInitializedError());
  assert.equal(await main(["config", "show", "--state", "/none"], ports), 1);
  assert.match(
    ports.stderr,
    /^weft: Cannot tell the settings: there is no node in the state directory \/none\nhint: /,
  );
});
