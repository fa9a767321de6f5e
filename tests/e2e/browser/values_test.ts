import assert from "node:assert/strict";
import { bundlePage, servePage } from "../../../examples/browser/serve.ts";
import { REFUSED_VALUES, SAMPLE_VALUES } from "../../../lib/service/testing/sample_values.ts";
import { freeTcpPort } from "../../../lib/transport/mod.ts";
import { OverlayBootstrap } from "../../../mod.ts";
import { labTest, waitFor } from "../../lab/mod.ts";
import { BOUND_MS, Page } from "./browser_page.ts";

labTest(
  "values are the same for a page in a browser, both ways, or refused alike",
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
    const taken: unknown[] = [];
    await leader.services.runtime.addService({
      path: "values",
      actions: {
        take: (params: unknown) => void taken.push(params),
        give: (i: number) => SAMPLE_VALUES[i]?.value(),
        stream: async function* (i: number) {
          yield await Promise.resolve(SAMPLE_VALUES[i]?.value());
        },
        collect: async (_: unknown, { stream }) => {
          for await (const item of stream ?? []) taken.push(item);
        },
        refuse: (i: number) => REFUSED_VALUES[i]?.value(),
        refuseItem: async function* (i: number) {
          yield await Promise.resolve(REFUSED_VALUES[i]?.value());
        },
      },
    });
    const server = await servePage(0);
    resources.defer(() => server.shutdown());
    const page = resources.use(await Page.open(`http://127.0.0.1:${server.addr.port}/`, `${folder}/profile`));
    // Errors name classes as they are called.
    const script = await bundlePage("../../tests/e2e/browser/values_page.ts", false);
    await page.evaluate(`(() => { ${new TextDecoder().decode(script)} })()`);
    await page.evaluate(`tryValues(${JSON.stringify(leader.joinToken())})
    .then((problems) => window.outcome = JSON.stringify(problems), (error) => window.outcome = String(error))`);
    const outcome = await waitFor(() => page.evaluate("window.outcome"), BOUND_MS, {
      what: "the page has tried all values",
    });
    assert.equal(outcome, "[]");
    for (const { what, value, becomes = value } of SAMPLE_VALUES) {
      assert.deepStrictEqual(taken.shift(), becomes(), `${what}, as parameters`);
      if (!what.startsWith("many bytes")) {
        assert.deepStrictEqual(
          taken.shift(),
          becomes(),
          `${what}, as item`,
        );
      }
    }
    assert.deepEqual(taken, []);
  },
);
