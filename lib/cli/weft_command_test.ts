import assert from "node:assert/strict";
import {
  environmentLayer,
  FIELD_ENTRIES,
  FIELDS,
  fileLayer,
  layerAgentOptions,
  type OptionName,
} from "../config/mod.ts";
import { SamplePorts } from "./testing/sample_ports.ts";
import {
  addFlag,
  type AnyCommand,
  Command,
  flagValues,
  optionsOfNextStart,
  withState,
} from "./weft_command.ts";

/** For each option a text that is not what it is unless told. */
const samples: Readonly<Record<OptionName, string>> = {
  stateDir: "/srv/weft",
  name: "web-1",
  address: "10.9.0.7",
  cidr: "10.9.0.0/16",
  port: "51821",
  interfaceName: "weft1",
  mtuBytes: "1280",
  dataplane: "portable",
  cipher: "baseline",
  workers: "3",
  rootless: "true",
  discovery: "false",
  discoveryPeers: "192.0.2.1:45678",
  discoveryDht: "true",
  discoveryDhtBootstrap: "dht.example.com:6881",
  endpoints: "192.0.2.1:51820",
  portMapping: "off",
  stunServers: "192.0.2.1:3478",
  labels: "role=web",
  statusAddress: "127.0.0.2",
  ephemeral: "600000",
  statusPort: "off",
  statusNames: "weft.example.com",
  statusTokenFile: "/etc/weft/token",
  policy: "/etc/weft/policy.yaml",
  dns: "off",
  dnsPorts: "53",
  dnsZone: "overlay.local.",
  dnsForward: "9.9.9.9",
  dnsResolver: "off",
  dnsTtlSeconds: "60",
  dnsServiceTtlSeconds: "1",
  offers: "80=3000",
  forwardAllow: "role=admin",
  relay: "on",
  relayPorts: "40000-40099",
  relayLimitMbit: "100",
  relaySessionLimitMbit: "50",
  networks: "blue type=vxlan cidr=10.0.0.0/24",
  networkEndpoints: "blue/web-1 ip=10.0.0.9",
  data: "nats://192.0.2.1:4222?replicas=3",
  dataCredentials: "/etc/weft/nats.creds",
  dataAuthority: "/etc/weft/nats-ca.pem",
  dataCertificate: "/etc/weft/nats-client.pem",
  dataKey: "/etc/weft/nats-client-key.pem",
  recoveryKey: `weft-recovery-key1-${"A".repeat(48)}`,
  logLevel: "debug",
  logCategories: "mesh=debug",
  logFormat: "json",
  testTimers: "rekeyAfterTimeMs=1000",
  testProtocols: "mesh=2-3",
};
for (const [name, field] of FIELD_ENTRIES) {
  Deno.test(`the option ${name} is read alike from flag, variable, file and library`, async () => {
    const text = samples[name];
    const spellings = [field.flag, ...field.aliases ?? []];
    const told = layerAgentOptions([{ source: "options", values: { [name]: text } }])[name];
    assert.notDeepEqual(told, FIELDS[name].initial);
    const variables = spellings.map((flag) => `WEFT_${flag.toUpperCase().replaceAll("-", "_")}`);
    for (const variable of variables) {
      assert.deepEqual(layerAgentOptions([environmentLayer({ [variable]: text })])[name], told, variable);
    }
    const settings = [...spellings, ...field.plural === undefined ? [] : [field.plural]];
    for (const setting of settings) {
      const layer = await fileLayer(`${setting}: ${JSON.stringify(text)}`, "weft.yaml");
      assert.deepEqual(layerAgentOptions([layer])[name], told, setting);
    }
    for (const flag of spellings) {
      const command = new Command("weft") as AnyCommand;
      addFlag(command, name);
      const isOff = field.value === undefined && text === "false";
      const args = field.value === undefined ? [`--${isOff ? "no-" : ""}${flag}`] : [`--${flag}`, text];
      command.parse(args, { from: "user" });
      const layer = { source: "flags", values: flagValues(command) } as const;
      assert.deepEqual(layerAgentOptions([layer])[name], told, flag);
    }
  });
}

Deno.test("addFlag() sets nothing unless the flag is given", () => {
  const command = new Command("weft") as AnyCommand;
  for (const [name] of FIELD_ENTRIES) addFlag(command, name);
  command.parse([], { from: "user" });
  assert.deepEqual(Object.values(flagValues(command)).filter((value) => value !== undefined), []);
});

Deno.test("addFlag() lets a relay be turned on and off by its flag alone", () => {
  for (const [flag, told] of [["--relay", "on"], ["--no-relay", "off"]] as const) {
    const command = new Command("weft") as AnyCommand;
    addFlag(command, "relay");
    command.parse([flag], { from: "user" });
    assert.equal(layerAgentOptions([{ source: "flags", values: flagValues(command) }]).relay, told);
  }
});

Deno.test("flagValues() leaves options of a command alone that are called like the agent's", () => {
  const program = new Command("weft").enablePositionalOptions() as AnyCommand;
  addFlag(program, "dns");
  const add = program.command("add") as AnyCommand;
  add.option("--dns <address>").option("--endpoint <address>").action(() => {});
  program.parse(["add", "--dns", "9.9.9.9", "--endpoint", "192.0.2.1:1"], { from: "user" });
  assert.deepEqual(Object.values(flagValues(add)).filter((value) => value !== undefined), []);
  program.parse(["--dns", "off", "add", "--dns", "9.9.9.9"], { from: "user" });
  assert.equal(flagValues(add)["dns"], "off");
});

Deno.test("addFlag() lets everything that is on or off be said back", () => {
  const switches = FIELD_ENTRIES.filter(([, { initial }]) => typeof initial === "boolean");
  assert(switches.length >= 3);
  for (const [name, { flag }] of switches) {
    for (const isOn of [true, false]) {
      const command = new Command("weft") as AnyCommand;
      addFlag(command, name);
      command.parse([`--${isOn ? "" : "no-"}${flag}`], { from: "user" });
      assert.equal(flagValues(command)[name], isOn, flag);
    }
  }
});

Deno.test("optionsOfNextStart() has what is kept, where a node is", async () => {
  const ports = new SamplePorts();
  const command = withState(new Command("doctor") as AnyCommand);
  addFlag(command, "port");
  command.parse(["--state", "/state"], { from: "user" });
  assert.equal((await optionsOfNextStart(command, ports)).port, 51820);
  ports.settings = [
    { name: "config", value: null, source: "default" },
    { name: "name", value: "web-1", source: "network" },
    { name: "port", value: "5555", source: "kept" },
    { name: "rootless", value: "true", source: "kept" },
    { name: "offer", value: ["80=127.0.0.1:3000"], source: "file", at: "/etc/weft.yaml" },
  ];
  const { stateDir, port, rootless, offers, name } = await optionsOfNextStart(command, ports);
  assert.deepEqual([stateDir, port, rootless, offers.length, name], ["/state", 5555, true, 1, undefined]);
  ports.storedSettings = () => Promise.reject(new TypeError("no state"));
  assert.equal((await optionsOfNextStart(command, ports)).rootless, false);
});
