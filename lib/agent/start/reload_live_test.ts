import assert from "node:assert/strict";
import { fileLayer, SaidSettings } from "../../config/mod.ts";
import { freeTcpPort } from "../../transport/mod.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";

Deno.test("a node that runs follows its file: offers, labels, endpoints, names and discovery", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-reload-" });
  const path = `${folder}/weft.yaml`;
  const port = freeTcpPort();
  const common =
    `state: ${folder}/state\nport: ${port}\nrootless: true\ndiscovery: false\nname: lead\nstatus-port: off\n`;
  const write = (text: string) => Deno.writeTextFile(path, common + text);
  await write("offers: [80=3000, 81=3001]\n");
  const file = { ...await fileLayer(await Deno.readTextFile(path), path), path };
  const node = await OverlayBootstrap.initLeader(new SaidSettings([], { file }));
  const { control } = node;
  await assert.rejects(control.reload(), { code: "Interrupted" });
  await node.start();
  try {
    const offered = () => node.services.forward.offered().map(({ port, service }) => `${port} ${service}`);
    assert.deepEqual(offered(), ["80 127.0.0.1:3000", "81 127.0.0.1:3001"]);
    node.services.forward.offer(90, { port: 4000 });

    await write(
      "offers: [81=3001, 82=3002]\nlabels: { rack: r7 }\nendpoints: [192.0.2.7:1]\ndns: on\nmtu: 1300\n",
    );
    const report = await control.reload();
    assert.deepEqual(report.failed, []);
    assert.deepEqual(report.changed.map(({ name }) => name).sort(), ["dns", "endpoint", "label", "offer"]);
    assert.deepEqual(report.pending, [{ name: "mtu", value: "1420", next: "1300" }]);
    assert.deepEqual(offered(), ["81 127.0.0.1:3001", "82 127.0.0.1:3002", "90 127.0.0.1:4000"]);
    assert.ok(control.status().node.endpoints.some((endpoint) => endpoint === "192.0.2.7:1"));
    assert.ok(control.status().dns !== undefined, "names are served since");
    assert.equal((await control.resolveName("lead", "A")).code, "NOERROR");

    await write("offers: [90=1]\nlabels: { rack: r7 }\nendpoints: [192.0.2.7:1]\ndns: off\n");
    const second = await control.reload();
    assert.deepEqual(second.failed.map(({ names }) => names), [["offer"]]);
    assert.match(second.failed[0]?.problem ?? "", /90/);
    assert.ok(offered().includes("90 127.0.0.1:4000"), "what a command has offered stays");
    assert.equal(control.status().dns, undefined);
    assert.equal(control.status().state, "running");
  } finally {
    await node.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
