import assert from "node:assert/strict";
import { WeftError } from "../base/mod.ts";
import { type AgentOptions, FIELD_ENTRIES, fileLayer, type OptionName, SaidSettings } from "../config/mod.ts";
import { MemoryStateStore } from "../base/mod.ts";
import type { Agent } from "./agent.ts";
import { agentFollowers, Reloader, type SettingFollower } from "./reload.ts";
import { NodeSettings } from "./start/mod.ts";

class TakenError extends WeftError {
  readonly code = "PortInUse";
}

/** A node that was started with a file that tests write. */
class ReloadedNode implements AsyncDisposable {
  readonly seen: string[] = [];
  isRunning = true;
  isTaken = false;
  readonly #folder: string;
  readonly settings: NodeSettings;
  readonly reloader: Reloader;

  private constructor(folder: string, settings: NodeSettings) {
    this.#folder = folder;
    this.settings = settings;
    const note = (names: SettingFollower["names"]) => (options: AgentOptions) => {
      this.seen.push(names.map((name) => `${name} ${JSON.stringify(options[name])}`).join(", "));
    };
    this.reloader = new Reloader({
      settings,
      isRunning: () => this.isRunning,
      followers: [
        { names: ["logLevel"], apply: note(["logLevel"]) },
        {
          names: ["statusPort", "statusNames"],
          apply: (options) => {
            note(["statusPort"])(options);
            if (this.isTaken && options.statusPort === 9999) {
              throw new TakenError("the port is taken", { hint: "Choose." });
            }
          },
        },
        { names: ["policy"], isAlways: true, apply: () => false },
      ],
    });
  }

  static async start(text: string, flags: Record<string, unknown> = {}): Promise<ReloadedNode> {
    const folder = await Deno.makeTempDir({ prefix: "weft-reload-" });
    const path = `${folder}/weft.yaml`;
    await Deno.writeTextFile(path, text);
    const file = { ...await fileLayer(text, path), path };
    const store = new MemoryStateStore();
    const said = new SaidSettings([{ source: "flags", values: flags }], { file });
    const settings = await NodeSettings.read(said, store, () => {});
    settings.keep();
    return new ReloadedNode(folder, settings);
  }

  async reload(text: string) {
    await Deno.writeTextFile(`${this.#folder}/weft.yaml`, text);
    return await this.reloader.reload();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("Reloader follows what can change, and names what needs a restart", async () => {
  await using node = await ReloadedNode.start("log-level: info\nport: 5000\nname: a\n");
  const { options } = node.settings;
  const report = await node.reload("log-level: debug\nport: 5001\nname: b\n");
  assert.deepEqual(report, {
    changed: [{ name: "log-level", value: "debug" }],
    pending: [{ name: "port", value: "5000", next: "5001" }],
    failed: [],
  });
  assert.equal(options.logLevel, "debug", "whoever holds the options sees it");
  assert.equal(options.port, 5000);
  const shown = node.settings.report(undefined).find(({ name }) => name === "port");
  assert.deepEqual([shown?.value, shown?.next], ["5000", "5001"]);
  assert.deepEqual(node.seen, ['logLevel "debug"']);
  assert.deepEqual((await node.reload("log-level: debug\nport: 5000")).pending, []);
});

Deno.test("Reloader forgets what the file does not say any more", async () => {
  await using node = await ReloadedNode.start("status-port: 9000\n");
  assert.deepEqual((await node.reload("")).changed, [{ name: "status-port", value: "9180" }]);
  assert.equal(node.settings.options.statusPort, 9180);
  assert.equal(node.settings.report(undefined).find(({ name }) => name === "status-port")?.source, "default");
});

Deno.test("Reloader changes nothing when the file cannot be used", async () => {
  await using node = await ReloadedNode.start("log-level: info\n");
  await assert.rejects(node.reload("log-level: debug\nport: 0\n"), {
    code: "InvalidConfig",
    message: /^Cannot use port: 0 in .*\/weft\.yaml:2:7: a port is/,
  });
  assert.equal(node.settings.options.logLevel, "info");
  assert.deepEqual(node.seen, []);
});

Deno.test("Reloader changes nothing when the next start would miss the other half of a pair", async () => {
  await using node = await ReloadedNode.start("log-level: info\n");
  await assert.rejects(node.reload("log-level: debug\ndata-cert: /etc/weft/client.pem\n"), {
    code: "InvalidConfig",
    message: "Cannot use data-cert: it needs data-key beside it",
  });
  assert.equal(node.settings.options.logLevel, "info");
});

Deno.test("Reloader leaves what a part cannot follow as it was, and says why", async () => {
  await using node = await ReloadedNode.start("status-port: 9000\nlog-level: info\n");
  node.isTaken = true;
  const report = await node.reload("status-port: 9999\nlog-level: warn\n");
  assert.deepEqual(report.failed, [{
    names: ["status-port"],
    problem: "the port is taken",
    hint: "Choose.",
  }]);
  assert.deepEqual(report.changed, [{ name: "log-level", value: "warn" }]);
  assert.equal(node.settings.options.statusPort, 9000);
  assert.deepEqual(node.seen.slice(1), ["statusPort 9999", "statusPort 9000"]);
  node.isTaken = false;
  assert.deepEqual((await node.reload("status-port: 9999\nlog-level: warn\n")).changed.length, 1);
});

Deno.test("Reloader lets a flag of the start win until something else is kept", async () => {
  await using node = await ReloadedNode.start("log-level: info\n", { logLevel: "error" });
  assert.deepEqual((await node.reload("log-level: debug\n")).changed, []);
  node.settings.change({ name: "log-level", value: ["warn"] });
  assert.deepEqual((await node.reload("log-level: debug\n")).changed, [{ name: "log-level", value: "warn" }]);
  node.settings.change({ name: "log-level" });
  assert.deepEqual((await node.reload("log-level: debug\n")).changed, [{
    name: "log-level",
    value: "debug",
  }]);
});

Deno.test("every option that can change while a node runs is followed, and no other", () => {
  // Followed by who makes the agent, and by the command line.
  const others: readonly OptionName[] = [
    ...["networks", "networkEndpoints", "policy", "logLevel", "logCategories", "logFormat"] as const,
    ...["statusAddress", "statusPort", "statusNames", "statusTokenFile"] as const,
  ];
  const followed = [...agentFollowers({} as Agent).flatMap(({ names }) => names), ...others];
  const reloadable = FIELD_ENTRIES.filter(([, { isReloadable }]) => isReloadable).map(([name]) => name);
  assert.deepEqual(followed.toSorted(), reloadable.toSorted());
});

Deno.test("Reloader has nothing to follow before the node runs", async () => {
  await using node = await ReloadedNode.start("");
  node.isRunning = false;
  await assert.rejects(node.reload("log-level: debug"), { code: "Interrupted" });
});
