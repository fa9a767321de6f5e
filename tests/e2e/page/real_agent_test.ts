/**
 * The page of an agent as it runs: what no fixture shows, that it survives the agent's death.
 * @module
 */

/// <reference lib="dom" />
import assert from "node:assert/strict";
import { createScratch, freePort, labTest, loopbackArgs, thisMachine, WeftNode } from "../../lab/mod.ts";
import { TestBrowser } from "./browser.ts";

labTest("the page of an agent shows a node that dies, and goes on after the agent's own kill -9", [
  "chromium",
], async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("real-page"));
  const browser = stack.use(await TestBrowser.start());
  const statusPort = freePort();
  const node = (name: string, ...args: readonly string[]): WeftNode =>
    stack.use(
      new WeftNode(thisMachine, {
        name,
        stateDir: `${path}/${name}`,
        args: [...loopbackArgs(), ...args],
      }),
    );
  const lead = node("lead", "--status-port", `${statusPort}`);
  const web = node("web");
  const token = await lead.startLeader();
  await web.start("--join", token);
  const { page, faults } = await browser.open(statusPort);
  await page.getByText("2 of 2").waitFor();

  await web.kill();
  await page.getByText("1 of 2").waitFor({ timeout: 60_000 });
  await page.locator("tbody tr").filter({ hasText: "web" }).getByText("not answering").waitFor();
  await web.start("up");
  await page.getByText("2 of 2").waitFor({ timeout: 60_000 });

  await lead.kill();
  await page.getByText("Lost:").waitFor();
  assert.equal(await page.locator("main.stale").count(), 1, "what it knew is there, and said to be old");
  await lead.start("up");
  await page.getByText("Live", { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByText("2 of 2").waitFor({ timeout: 60_000 });
  assert.equal(await page.locator("main.stale").count(), 0);
  assert.deepEqual(faults, []);
});
