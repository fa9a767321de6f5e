import assert from "node:assert/strict";
import { servePage } from "../../../examples/browser/serve.ts";
import { Node, OverlayBootstrap } from "../../../mod.ts";
import { freeTcpPort } from "../../../lib/transport/mod.ts";
import { labTest, waitFor } from "../../lab/mod.ts";
import { BOUND_MS, Page } from "./browser_page.ts";

labTest(
  "a page in a browser joins by a token, calls a service of another node, leaves, and is missed when it is closed",
  ["chromium"],
  async () => {
    await using resources = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "weft-browser-" });
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const port = freeTcpPort();
    const leader = await OverlayBootstrap.initLeader({
      ...{ name: "leader", stateDir: `${folder}/leader`, rootless: true, discovery: false },
      ...{ port, endpoints: `127.0.0.1:${port}` },
    });
    resources.defer(() => leader.stop());
    await leader.start();
    const adder = resources.use(
      await Node.join(leader.joinToken(), { name: "adder", stateDir: `${folder}/adder` }),
    );
    await adder.addService({
      path: "math",
      actions: {
        add: ({ a, b }: { a: number; b: number }) => a + b,
        // Long enough to be compressed.
        digits: ({ count }: { count: number }) => "7".repeat(count),
      },
    });
    const server = await servePage(0);
    resources.defer(() => server.shutdown());
    const page = resources.use(await Page.open(`http://127.0.0.1:${server.addr.port}/`, `${folder}/profile`));

    await page.submit("join", { token: "weft-token" });
    await page.waitForText("state", /^Cannot use that token: /);

    await page.submit("join", { token: leader.joinToken(), name: "page" });
    await page.waitForText("state", /^joined as page: .*leader \(direct at 127\.0\.0\.1:\d+/);
    await page.submit("call", { path: "math/add", params: '{ "a": 20, "b": 22 }' });
    await page.waitForText("answer", /^42$/);
    await page.submit("call", { path: "math/digits", params: '{ "count": 200000 }' });
    await page.waitForText("answer", /^"7{200000}"$/);
    await page.submit("call", { path: "math/divide", params: "{}" });
    await page.waitForText("answer", /divide/);

    await page.evaluate(`document.getElementById("leave").click()`);
    await page.waitForText("state", /^not joined$/);
    await waitFor(() => !leader.control.status().peers.some(({ name }) => name === "page"), BOUND_MS, {
      what: "the leader has heard that the page left",
    });
    assert.equal(await adder.request<number>("math/add", { a: 1, b: 2 }), 3);

    // Closed without a word.
    await page.submit("join", { token: leader.joinToken(), name: "closed" });
    await page.waitForText("state", /^joined as closed: .*leader/);
    const seen = () => leader.control.status().peers.find(({ name }) => name === "closed");
    assert.equal(seen()?.channel, "open");
    await page.close();
    await waitFor(() => seen()?.healthy === false && seen()?.channel !== "open", BOUND_MS, {
      what: "the leader has seen that it is gone",
    });
  },
);
