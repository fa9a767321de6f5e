import assert from "node:assert/strict";
import { labTest, untilPrinted } from "../../lab/mod.ts";
import type { Abuse } from "./malicious_program.ts";
import { RootlessMesh } from "../services/rootless_mesh.ts";

labTest(
  "honest members ping, call and join while a malicious one does all it can",
  ["thorough"],
  async () => {
    await using mesh = await RootlessMesh.create("malicious-cost", "lead");
    const { overlay: lead } = mesh;
    const web = mesh.startProgram("services/caller_program.ts", "web");
    await untilPrinted(web, "ready");
    await lead.services.runtime.addService({
      path: "work",
      actions: { answer: (value: unknown) => value, admin: { allow: "role=admin", handler: () => 1 } },
    });
    const { endpoints: [endpoint = ""] } = lead.control.status().node;
    const times = async (count: number, act: () => Promise<unknown>) => {
      const took: number[] = [];
      for (let i = 0; i < count; i++) {
        const startedAt = performance.now();
        await act();
        took.push(performance.now() - startedAt);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return took.toSorted((a, b) => a - b);
    };
    const measure = async () => {
      // The caller measures at its own end: its calls cross the link that others flood.
      const calls = await lead.services.runtime.request("web/measure", 100, {
        timeoutMs: 60_000,
      }) as number[];
      return {
        calls: calls.toSorted((a, b) => a - b),
        pings: await times(30, () => lead.control.ping("web")),
        joins: await times(3, async () => {
          const program = mesh.startProgram("services/caller_program.ts", `guest-${++guests}`);
          await untilPrinted(program, "ready");
          await program.stop();
        }),
      };
    };
    let guests = 0;
    const show = ({ calls, pings, joins }: Awaited<ReturnType<typeof measure>>) =>
      Object.entries({ calls, pings, joins }).map(([what, took]) =>
        `${what} ${took[took.length >> 1]?.toFixed(1)} / ${
          took[Math.floor(took.length * 0.9)]?.toFixed(1)
        } ms`
      ).join(", ");
    await measure();
    const before = await measure();
    const abuse: Abuse = {
      token: lead.joinToken(),
      publicKey: String(lead.publicKey()),
      endpoint,
      topic: "web/measured",
      action: "work/admin",
      seconds: 15,
    };
    const attacker = mesh.startPrivileged("hostile/malicious_program.ts", JSON.stringify(abuse));
    await untilPrinted(attacker, "ready");
    const during = await measure();
    const done = await untilPrinted(attacker, "done", 60_000);
    const memory = Deno.memoryUsage().rss >> 20;
    // deno-lint-ignore no-console -- measurements are for whoever reads the run
    console.log(
      `median / 90th percentile: before ${show(before)}; during ${show(during)}; ${done}; ${memory} MB`,
    );
    assert.ok((during.calls[90] ?? Infinity) < 2_000, show(during));
    assert.ok((during.pings[27] ?? Infinity) < 2_000, show(during));
    const counts: Record<string, number> = JSON.parse(done);
    for (const [what, count] of Object.entries(counts)) assert.ok(count > 0, `it did ${what}`);
  },
);
