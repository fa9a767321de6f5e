import assert from "node:assert/strict";
import { CallError } from "../../../mod.ts";
import { untilPrinted, waitFor } from "../../lab/mod.ts";
import { RootlessMesh } from "./rootless_mesh.ts";

/** Dead after 5 s without a sign of life; whoever is killed is noticed by its link at once. */
const HANDOVER_BOUND_MS = 6_000;

Deno.test("Node.addService(): a service in leader mode goes on with another node when its leader is killed, and when it is suspended", async (test) => {
  await using mesh = await RootlessMesh.create("service-leader", "caller");
  const programs = ["a", "b", "c"].map((name) =>
    mesh.startProgram("services/leading_program.ts", name, { offer: ["jobs"] })
  );
  await Promise.all(programs.map((program) => untilPrinted(program, "ready")));
  const { runtime } = mesh.overlay.services;
  const providers = () => runtime.report("jobs")[0]?.providers ?? [];
  const ask = async () => String(await runtime.request("jobs/who", {}, { timeoutMs: 400 }));

  /** Calls again and again until somebody else than `former` answers. @returns who, and after how long */
  const untilAnother = async (former: string) => {
    const startedAt = performance.now();
    for (;;) {
      const who = await ask().catch((error) => {
        assert.ok(error instanceof CallError, String(error));
        return former;
      });
      const tookMs = performance.now() - startedAt;
      if (who !== former) return { who, tookMs };
      assert.ok(tookMs < HANDOVER_BOUND_MS, `${former} is still the leader`);
    }
  };

  await test.step("the highest id leads, and every call goes there", async () => {
    await waitFor(() => providers().length === 3, 10_000, { what: "all three are known" });
    const highest = providers().toSorted((a, b) => a.id > b.id ? -1 : 1)[0]?.name ?? "";
    const { who, tookMs } = await untilAnother("nobody");
    report(`first answer after ${tookMs.toFixed(0)} ms`);
    assert.equal(await ask(), highest);
    assert.ok(providers().find(({ name }) => name === highest)?.isLeader, who);
  });

  await test.step("killed", async () => {
    const leader = await ask();
    await programs.find(({ label }) => label === leader)?.kill();
    const { who, tookMs } = await untilAnother(leader);
    report(`killed: ${who} answers after ${tookMs.toFixed(0)} ms`);
  });

  await test.step("stopped in its tracks: no link breaks, and nothing is heard", async () => {
    const leader = await ask();
    const program = programs.find(({ label }) => label === leader);
    program?.signal("SIGSTOP");
    const { who, tookMs } = await untilAnother(leader);
    program?.signal("SIGCONT");
    report(`stopped: ${who} answers after ${tookMs.toFixed(0)} ms`);
  });
});

function report(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}
