import assert from "node:assert/strict";
import { MemoryStateStore, StateError, utf8Bytes } from "../base/mod.ts";
import { FIELDS } from "./fields.ts";
import { KeptSettings } from "./kept_settings.ts";
import { fileLayer } from "./config_file.ts";
import { emptiedVariables, environmentLayer, InvalidConfigError } from "./layers.ts";
import { SaidSettings } from "./said_settings.ts";

const noProblem = (problem: string) => assert.fail(problem);

function flags(values: Readonly<Record<string, unknown>>): SaidSettings {
  return new SaidSettings([{ source: "flags", values }]);
}

Deno.test("KeptSettings: flags win over the environment, that over what is kept, that over the file, that over defaults", async () => {
  const kept = new KeptSettings(new MemoryStateStore());
  kept.keep(flags({ port: "1", mtuBytes: "1281", interfaceName: "kept0", logLevel: "warn" }));
  const layers = [
    { source: "flags", values: { port: "3" } } as const,
    environmentLayer({ WEFT_PORT: "2", WEFT_MTU: "1282" }),
  ];
  const file = { ...await fileLayer("interface: file0\ndns-zone: file.example\nport: 9", "/f"), path: "/f" };
  const { options, origins } = new SaidSettings(layers, { file }).resolve(kept.layer(noProblem));
  assert.equal(options.port, 3);
  assert.equal(options.mtuBytes, 1282);
  assert.equal(options.interfaceName, "kept0");
  assert.equal(options.dnsZone, "file.example.");
  assert.equal(options.statusPort, 9180);
  const sources = (["port", "mtuBytes", "interfaceName", "dnsZone", "statusPort"] as const).map((name) =>
    origins.get(name)?.source
  );
  assert.deepEqual(sources, ["flags", "environment", "kept", "file", undefined]);
});

Deno.test("KeptSettings.keep() keeps what was said, lists as a whole, and neither where the state is nor what the network says", () => {
  const store = new MemoryStateStore();
  const kept = new KeptSettings(store);
  kept.keep(flags({
    stateDir: "/srv",
    name: "web-1",
    address: "10.9.0.7",
    cidr: "10.9.0.0/16",
    testTimers: "a=1",
    testProtocols: "mesh=2",
    kernel: "baseline",
    endpoints: ["192.0.2.1:1", "192.0.2.2:2"],
    rootless: true,
    statusPort: false,
  }));
  assert.deepEqual(kept.layer(noProblem).values, {
    cipher: "baseline",
    endpoints: ["192.0.2.1:1", "192.0.2.2:2"],
    rootless: "true",
    statusPort: "off",
  });
  kept.keep(flags({ endpoints: ["192.0.2.3:3"], rootless: false }));
  const { endpoints, rootless } = flags({}).resolve(kept.layer(noProblem)).options;
  assert.deepEqual([endpoints.map(String), rootless], [["192.0.2.3:3"], false]);
});

Deno.test("KeptSettings.keep() writes nothing when nothing is new", () => {
  const store = new MemoryStateStore();
  const kept = new KeptSettings(store);
  kept.keep(flags({ port: "5555" }));
  store.put = () => assert.fail("it writes");
  kept.keep(flags({ port: "5555" }));
  kept.keep(flags({}));
  assert.equal(kept.change("port", undefined), true);
  assert.equal(kept.change("port", undefined), false);
});

Deno.test("KeptSettings keeps variables, until one is set and empty", () => {
  const kept = new KeptSettings(new MemoryStateStore());
  const start = (environment: Record<string, string>) =>
    new SaidSettings([environmentLayer(environment)], { emptied: emptiedVariables(environment) });
  const portOf = (said: SaidSettings) => said.resolve(kept.layer(noProblem, said.emptied)).options.port;
  kept.keep(start({ WEFT_PORT: "5555", WEFT_MTU: "1280" }));
  assert.equal(portOf(start({})), 5555);
  const emptied = start({ WEFT_PORT: "" });
  assert.equal(portOf(emptied), 51820);
  kept.keep(emptied);
  assert.deepEqual(kept.layer(noProblem).values, { mtuBytes: "1280" });
  // What somebody has said by a flag, an environment does not take back.
  kept.keep(flags({ port: "5556" }));
  assert.equal(portOf(emptied), 5556);
});

Deno.test("KeptSettings.layer() leaves out what this version cannot use, and says so in a line each", () => {
  const store = new MemoryStateStore();
  const kept = new KeptSettings(store);
  kept.keep(flags({ port: "5555" }));
  const put = (name: string, value: unknown) =>
    store.put("settings", name, utf8Bytes(JSON.stringify({ value, from: "flags" })));
  put("mtuBytes", "12");
  put("frobnicate", "yes");
  const problems: string[] = [];
  assert.deepEqual(kept.layer((problem) => problems.push(problem)).values, { port: "5555" });
  assert.equal(problems.length, 2);
  assert.match(
    problems.join("\n"),
    /kept setting frobnicate yes: there is no such setting any more; the default/,
  );
  assert.match(problems.join("\n"), /kept setting mtu 12: the MTU is .*; the default is used/);
  // It can be forgotten, too.
  assert.equal(kept.change("mtu", undefined), true);
});

Deno.test("KeptSettings reads from a state that somebody else has written neither where it is nor what is damaged", () => {
  const store = new MemoryStateStore();
  const kept = new KeptSettings(store);
  const problems: string[] = [];
  for (
    const [name, value] of [["stateDir", "/srv/other"], ["testTimers", "fast"], ["name", "web-9"]] as const
  ) {
    store.put("settings", name, utf8Bytes(JSON.stringify({ value, from: "flags" })));
  }
  assert.deepEqual(kept.layer((problem) => void problems.push(problem)).values, {});
  assert.equal(problems.length, 3);
  for (const damaged of ["null", "7", "[]", "{}", "{"]) {
    store.put("settings", "port", utf8Bytes(damaged));
    assert.throws(() => kept.layer(() => {}), StateError, damaged);
  }
});

Deno.test("KeptSettings.change() takes a setting by its names in flags and files, and checks it", () => {
  const kept = new KeptSettings(new MemoryStateStore());
  assert.equal(kept.change("port", ["5555"]), true);
  assert.equal(kept.change("port", ["5555"]), false);
  kept.change("endpoints", ["192.0.2.1:1", "192.0.2.2:2"]);
  kept.change("offer", ["80=3000 for role=web,tier=a"]);
  assert.deepEqual(kept.layer(noProblem).values["offers"], ["80=127.0.0.1:3000 for role=web,tier=a"]);
  kept.change("offer", ["80=3000 for role=web, tier=a", "81"]);
  kept.change("label", ["role=web,tier=a"]);
  kept.change("rootless", ["yes"]);
  kept.change("config", ["/etc/weft.yaml"]);
  assert.equal(kept.configPath, "/etc/weft.yaml");
  assert.deepEqual(kept.layer(noProblem).values, {
    port: "5555",
    endpoints: ["192.0.2.1:1", "192.0.2.2:2"],
    offers: ["80=127.0.0.1:3000 for role=web, tier=a", "81=127.0.0.1:81"],
    labels: ["role=web", "tier=a"],
    rootless: "true",
  });
  kept.change("config", undefined);
  assert.equal(kept.configPath, undefined);
  const refused: readonly (readonly [string, string[] | undefined, RegExp])[] = [
    ["prot", ["1"], /no setting "prot"/],
    ["port", ["0"], /Cannot use port 0: a port is/],
    ["port", ["1", "2"], /Cannot use port 1 2/],
    ["state", ["/x"], /Cannot keep state: --state says/],
    ["name", ["x"], /Cannot keep name: .*weft peer rename/],
    ["cidr", undefined, /Cannot keep cidr/],
    ["test-timers", ["a=1"], /Cannot keep test-timers/],
    ["config", ["weft.yaml"], /absolute path/],
  ];
  for (const [name, value, says] of refused) {
    assert.throws(() => kept.change(name, value), (error) => {
      assert(error instanceof InvalidConfigError && error.hint);
      assert.match(error.message, says);
      return true;
    });
  }
});

Deno.test("SaidSettings: a file that is kept says nothing of where the state is", async () => {
  const file = { ...await fileLayer("state: /elsewhere\nport: 5555", "/f"), path: "/f" };
  const said = flags({});
  assert.equal(said.resolve(undefined, file).options.stateDir, FIELDS.stateDir.initial);
  assert.equal(said.resolve(undefined, file).options.port, 5555);
  assert.equal(new SaidSettings([], { file }).stateDir, "/elsewhere");
});

Deno.test("KeptSettings repeats no secret that was put in the place of a recovery key", () => {
  const kept = new KeptSettings(new MemoryStateStore());
  const value = [`weft-recovery-secret1-${"x".repeat(48)}`];
  assert.throws(
    () => kept.change("recovery-key", value),
    (error: Error) => error instanceof InvalidConfigError && !error.message.includes("xxxx"),
  );
});
